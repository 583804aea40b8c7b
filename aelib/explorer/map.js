// A map to walk through: the decoder draws the digit under the pointer.

const large = find(".large"), small = find(".small"), strip = find(".strip");
const button = find("button"), slider = find("input");
const nearestIs = facts.images ? "nearest digit" : "nearest code";
const still = matchMedia("(prefers-reduced-motion: reduce)");

let images;        // pictures of the real digits
let decode;        // (z1, z2) => the picture that the decoder draws there
let place;         // [z1, z2] under the pointer
let start = null;  // [z1, z2] where a line begins that has no end yet
let line = null;   // {from, to, playing}

// The data ---------------------------------------------------------------------------------------

async function load() {
  const take = await unpack();
  codes = floats(take(8 * facts.count));
  labels = take(facts.count);
  images = facts.images ? take(Math.ceil(facts.count * pixels / 2)) : null;
  if (facts.steps.length) {
    const decoder = dense(facts.steps, take);
    decode = (...z) => decoder(z);
  } else decode = blending(take);
}

// A real digit's picture: two pixels of 16 grey levels in each byte.
function realDigit(n) {
  const level = (i) => (i % 2 ? images[i >> 1] & 15 : images[i >> 1] >> 4) / 15;
  return Float32Array.from({length: pixels}, (_, i) => level(n * pixels + i));
}

// Any other decoder: its images at the nodes of a grid, blended in between.
function blending(take) {
  const last = facts.grid - 1, sheet = take(facts.grid ** 2 * pixels);
  return (z1, z2) => {
    const x = last * (z1 - west) / (east - west), y = last * (z2 - south) / (north - south);
    const column = clamp(Math.floor(x), 0, last - 1), row = clamp(Math.floor(y), 0, last - 1);
    const right = clamp(x - column, 0, 1), up = clamp(y - row, 0, 1);
    const at = (r, c, i) => sheet[(r * facts.grid + c) * pixels + i] / 255;
    return Float32Array.from({length: pixels}, (_, i) =>
      (1 - up) * ((1 - right) * at(row, column, i) + right * at(row, column + 1, i)) +
      up * ((1 - right) * at(row + 1, column, i) + right * at(row + 1, column + 1, i)));
  };
}

// On the map -------------------------------------------------------------------------------------

const between = ({from, to}, t) => from.map((z, i) => z + t * (to[i] - z));

function nearest(z) {
  let best = 0, least = Infinity;
  for (let n = 0; n < facts.count; n++) {
    const far = distance(code(n), z);
    if (far < least) [best, least] = [n, far];
  }
  return best;
}

function drawMap() {
  const brush = pen(map), near = nearest(place);
  brush.drawImage(ground, 0, 0, map.clientWidth, map.clientHeight);
  brush.strokeStyle = css("--soft");
  brush.globalAlpha = 0.5;
  segment(brush, [west, place[1]], [east, place[1]]);
  brush.stroke();
  segment(brush, [place[0], south], [place[0], north]);
  brush.stroke();
  brush.globalAlpha = 1;

  const path = line || (start && {from: start, to: place});
  if (path) {
    segment(brush, path.from, path.to);
    stroke(brush, 2);
    brush.fillStyle = css("--ink");
    for (const end of [path.from, path.to]) {
      disc(brush, end, 3.5);
      brush.fill();
    }
  }
  segment(brush, place, code(near));
  brush.lineWidth = 1;
  brush.strokeStyle = css("--ink");
  brush.stroke();
  disc(brush, code(near), 3.5);
  brush.fillStyle = pointColour(labels[near]);
  brush.fill();
  stroke(brush, 1);
  disc(brush, place, 6.5);
  stroke(brush, 2);
}

// The line as a row of pictures, from its start to its end.
function drawStrip() {
  const count = Math.max(2, Math.floor(strip.clientWidth / 58));
  strip.width = count * (facts.side + 2) - 2;
  strip.height = facts.side;
  const brush = strip.getContext("2d");
  for (let n = 0; n < count; n++) {
    const picture = decode(...between(line, n / (count - 1)));
    brush.putImageData(inked(picture), n * (facts.side + 2), 0);
  }
  describe(strip, `What the decoder draws from ${write(line.from)} to ${write(line.to)}`);
}

// Showing a place -------------------------------------------------------------------------------

function show(z) {
  place = [clamp(z[0], west, east), clamp(z[1], south, north)];
  const near = nearest(place), digit = labels[near];
  drawPicture(large, decode(...place));
  describe(large, `What the decoder draws at ${write(place)}`);
  find(".code span:last-child").textContent = `z = ${write(place)}`;
  drawPicture(small, images ? realDigit(near) : decode(...code(near)));
  describe(small, images ? `The nearest real digit, a ${digit}`
                         : `What the decoder draws at the nearest code, that of a ${digit}`);
  const [what, far] = document.querySelectorAll(".nearest span");
  what.textContent = nearestIs;
  find(".nearest b").textContent = digit;
  far.textContent = `distance ${round(distance(place, code(near)))}`;
  drawMap();
}

function explore(z) {
  show(z);
  announce(`z ${write(place)}; ${nearestIs} ${labels[nearest(place)]}`);
}

// The line --------------------------------------------------------------------------------------

const DURATION = 2500;  // milliseconds from one end to the other

function drawLine(from, to) {
  if (!distance(from, to)) return dropLine();
  start = null;
  line = {from, to, playing: !still.matches};
  update();
  drawStrip();
  step(0);
  announce(`A line from ${write(from)} to ${write(to)}`);
  if (line.playing) play(line);
}

function play(mine) {
  let began;
  const tick = (now) => {
    if (line !== mine || !mine.playing) return;
    began ??= now;
    step((1 - Math.cos(Math.PI * (now - began) / DURATION)) / 2);  // slow at both ends
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}

function step(t) {
  slider.value = t;
  show(between(line, t));
  slider.setAttribute("aria-valuetext", write(place));
}

function dropLine() {
  if (document.activeElement === slider) map.focus();  // for the slider goes
  start = line = null;
  update();
}

function update() {
  button.textContent = line?.playing ? "Stop" : line ? "Take the line away"
    : start ? "End it here" : "Start a line here";
  find(".help").hidden = Boolean(line);
  find(".film").hidden = !line;
  if (place) drawMap();
}

function advance() {
  if (line) dropLine();
  else if (start) drawLine(start, place);
  else {
    start = place;
    update();
  }
}

// What the reader does --------------------------------------------------------------------------

let press = null;  // where a mouse or a pen went down: the code and the point

function under(event) {
  const box = map.getBoundingClientRect();
  const right = (event.clientX - box.left - wide) / span();
  const down = (event.clientY - box.top - narrow) / span();
  return [clamp(west + right * (east - west), west, east),
          clamp(north - down * (north - south), south, north)];
}

function moved(event) {
  return Math.hypot(event.clientX - press.x, event.clientY - press.y) > 5;
}

function listen() {
  map.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    map.setPointerCapture(event.pointerId);
    const z = under(event);
    if (line) dropLine();
    // A finger that drags explores, for it cannot hover; lines are drawn with the button.
    if (event.pointerType !== "touch") press = {z, x: event.clientX, y: event.clientY};
    explore(z);
  });
  map.addEventListener("pointermove", (event) => {
    if (line) return;
    if (press && !start && moved(event)) {
      start = press.z;
      update();
    }
    explore(under(event));
  });
  map.addEventListener("pointerup", (event) => {
    if (press && start) drawLine(start, under(event));
    press = null;
  });
  map.addEventListener("pointercancel", () => {
    if (press) dropLine();
    press = null;
  });
  map.addEventListener("keydown", (event) => {
    const [right, up] = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1],
                         ArrowDown: [0, -1]}[event.key] || [0, 0];
    const length = (east - west) / (event.shiftKey ? 10 : 100);
    if (right || up) {
      if (line) dropLine();
      explore([place[0] + right * length, place[1] + up * length]);
    } else if (event.key === "Enter" || event.key === " ") {
      if (!event.repeat) advance();
    } else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") dropLine();
  });
  button.addEventListener("click", advance);
  slider.addEventListener("input", () => {
    line.playing = false;
    update();
    step(Number(slider.value));
    announce(`z ${write(place)}`);
  });
}

// The start -------------------------------------------------------------------------------------

function redraw() {
  if (!map.clientWidth) return;  // in a part of the page that is folded away
  drawGround();
  show(place);
  if (line) drawStrip();
}

async function begin() {
  find("h1").textContent = facts.title;
  document.title = facts.title || document.title;
  describe(map, `Map of ${facts.count.toLocaleString("en")} codes, coloured by digit`);
  await load();
  const weights = weightsOf(facts.steps);
  find(".origin").textContent = weights
    ? `The decoder itself runs here: ${weights.toLocaleString("en")} weights in half precision.`
    : `You see ${facts.grid} × ${facts.grid} images of the decoder, blended in between.`;
  place = code(0);
  new ResizeObserver(redraw).observe(map);  // draws for the first time, too
  dark.addEventListener("change", redraw);
  listen();
}

begin().catch(complain);
