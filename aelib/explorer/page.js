"use strict";

const facts = JSON.parse(document.getElementById("facts").textContent);
const find = (selector) => document.querySelector(selector);
const map = find(".map"), large = find(".large"), small = find(".small"), strip = find(".strip");
const button = find("button"), slider = find("input");
const [west, east] = facts.limits[0], [south, north] = facts.limits[1];
const pixels = facts.side ** 2;
const nearestIs = facts.images ? "nearest digit" : "nearest code";
const dark = matchMedia("(prefers-color-scheme: dark)");
const still = matchMedia("(prefers-reduced-motion: reduce)");

// What is on the page ---------------------------------------------------------------------------

let codes, labels, images;  // of the real digits: two floats, one digit, one picture each
let decode;                 // (z1, z2) => the picture that the decoder draws there
let place;                  // [z1, z2] under the pointer
let start = null;           // [z1, z2] where a line begins that has no end yet
let line = null;            // {from, to, playing}

// The data --------------------------------------------------------------------------------------

async function unpack() {
  const packed = Uint8Array.from(atob(facts.data), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let position = 0;
  const take = (count) => bytes.slice(position, position += count);

  codes = new Float32Array(take(8 * facts.count).buffer);
  labels = take(facts.count);
  images = facts.images ? take(Math.ceil(facts.count * pixels / 2)) : null;
  decode = facts.steps.length ? exactDecoder(take) : blendingDecoder(take);
}

// A real digit's picture: two pixels of 16 grey levels in each byte.
function realDigit(n) {
  const level = (i) => (i % 2 ? images[i >> 1] & 15 : images[i >> 1] >> 4) / 15;
  return Float32Array.from({length: pixels}, (_, i) => level(n * pixels + i));
}

// Half precision: a sign, five bits of exponent, ten of fraction.
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = bits >> 10 & 31, fraction = bits & 1023;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : fraction * 2 ** -24);
}

// The decoder -----------------------------------------------------------------------------------

const activations = {
  linear: (x) => x,
  relu: (x) => Math.max(x, 0),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  elu: (x, slope) => (x > 0 ? x : slope * Math.expm1(x)),
  leaky_relu: (x, slope) => (x > 0 ? x : slope * x),
};

// Dense layers, from their weights: all low bytes come first, then all high ones.
function exactDecoder(take) {
  const sizes = facts.steps.map(({rows, columns}) => rows * columns + columns);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const low = take(total), high = take(total);
  const weights = Float32Array.from(low, (byte, i) => half(byte | high[i] << 8));
  return (...z) => {
    let values = Float32Array.from(z), position = 0;
    for (const {rows, columns, activation, slope} of facts.steps) {
      if (rows) {
        const bias = position + rows * columns;
        const sums = weights.slice(bias, bias + columns);
        for (let i = 0; i < rows; i++)
          for (let j = 0; j < columns; j++)
            sums[j] += values[i] * weights[position + i * columns + j];
        position = bias + columns;
        values = sums;
      }
      values = values.map((x) => activations[activation](x, slope[0]));
    }
    return values;
  };
}

// Any other decoder: its images at the nodes of a grid, blended in between.
function blendingDecoder(take) {
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

// Numbers ---------------------------------------------------------------------------------------

const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
const code = (n) => [codes[2 * n], codes[2 * n + 1]];
const between = ({from, to}, t) => from.map((z, i) => z + t * (to[i] - z));
const decimals = clamp(2 - Math.floor(Math.log10((east - west) / 2)), 0, 8);
const round = (x) => x.toFixed(decimals).replace(/^-(?=[0.]*$)/, "").replace("-", "−");
const write = (z) => `(${z.map(round).join(", ")})`;

function nearest(z) {
  let best = 0, least = Infinity;
  for (let n = 0; n < facts.count; n++) {
    const far = distance(code(n), z);
    if (far < least) [best, least] = [n, far];
  }
  return best;
}

// Colours ---------------------------------------------------------------------------------------

const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const mix = (a, b, share) => a.map((x, i) => Math.round(x + share * (b[i] - x)));

// The contrast that the Web Content Accessibility Guidelines define.
function contrast(a, b) {
  const linear = (x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
  const light = ([red, green, blue]) =>
    0.2126 * linear(red / 255) + 0.7152 * linear(green / 255) + 0.0722 * linear(blue / 255);
  const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

// A digit's colour, moved towards black or white until it stands out from the paper as asked.
function colour(digit, wanted) {
  const own = rgb(facts.colours[digit]), paper = rgb(css("--paper"));
  if (dark.matches && Math.max(...own) - Math.min(...own) < 16)
    return `rgb(${own.map((level) => 255 - level)})`;  // near-black on paper, near-white at night
  const toward = dark.matches ? [255, 255, 255] : [0, 0, 0];
  let share = 0;
  while (contrast(mix(own, toward, share), paper) < wanted) share += 0.02;
  return `rgb(${mix(own, toward, share)})`;
}

// Points keep their colours in the light; at night the darkest two must come forward a little.
const pointColour = (digit) => colour(digit, dark.matches ? 2 : 1);
const nameColour = (digit) => colour(digit, dark.matches ? 7 : 4.5);

// Drawing ---------------------------------------------------------------------------------------

const wide = 38, narrow = 8;  // margins in CSS pixels: left and below for the axes, and the others
const span = () => map.clientWidth - wide - narrow;
const x = (z) => wide + (z - west) / (east - west) * span();
const y = (z) => narrow + (north - z) / (north - south) * span();
const ground = document.createElement("canvas");  // what does not move: axes, points, names

// Fit a canvas to the screen's own pixels; draw on it in CSS pixels.
function pen(canvas) {
  const ratio = devicePixelRatio;
  canvas.width = Math.round(map.clientWidth * ratio);
  canvas.height = Math.round(map.clientHeight * ratio);
  const brush = canvas.getContext("2d");
  brush.scale(ratio, ratio);
  return brush;
}

function drawGround() {
  const brush = pen(ground);
  drawAxes(brush);
  drawPoints(brush);
  drawNames(brush);
}

function drawAxes(brush) {
  brush.strokeStyle = css("--rule");
  brush.beginPath();
  brush.moveTo(x(west), y(north));
  brush.lineTo(x(west), y(south));
  brush.lineTo(x(east), y(south));
  brush.stroke();

  const number = (tick) => String(tick).replace("-", "−");
  brush.fillStyle = css("--soft");
  brush.font = "12px system-ui, sans-serif";
  brush.textAlign = "center";
  for (const tick of facts.ticks[0]) brush.fillText(number(tick), x(tick), y(south) + 16);
  brush.textAlign = "right";
  for (const tick of facts.ticks[1]) brush.fillText(number(tick), x(west) - 6, y(tick) + 4);

  brush.font = "italic 14px Georgia, serif";
  brush.textAlign = "center";
  brush.fillText("z₁", x((west + east) / 2), y(south) + 33);
  brush.save();
  brush.translate(10, y((south + north) / 2));
  brush.rotate(-Math.PI / 2);
  brush.fillText("z₂", 0, 0);
  brush.restore();
}

function drawPoints(brush) {
  const colours = facts.colours.map((_, digit) => pointColour(digit));
  const radius = clamp(70 / Math.sqrt(facts.count), 1.2, 2.4);
  brush.save();
  brush.beginPath();
  brush.rect(x(west) - 3, y(north) - 3, span() + 6, span() + 6);
  brush.clip();
  brush.globalAlpha = dark.matches ? 0.85 : 0.65;
  for (let n = 0; n < facts.count; n++) {
    brush.fillStyle = colours[labels[n]];
    disc(brush, code(n), radius);
    brush.fill();
  }
  brush.restore();
}

function drawNames(brush) {
  const names = Object.entries(facts.names);
  brush.font = `bold ${clamp(map.clientWidth / 19, 15, 22)}px system-ui, sans-serif`;
  brush.textAlign = "center";
  brush.textBaseline = "middle";
  brush.lineJoin = "round";
  brush.lineWidth = 5;
  brush.strokeStyle = css("--paper");
  for (const [digit, z] of names) brush.strokeText(digit, x(z[0]), y(z[1]));
  for (const [digit, z] of names) {
    brush.fillStyle = nameColour(digit);
    brush.fillText(digit, x(z[0]), y(z[1]));
  }
}

function disc(brush, z, radius) {
  brush.beginPath();
  brush.arc(x(z[0]), y(z[1]), radius, 0, 2 * Math.PI);
}

// A stroke of ink with paper on both sides, to be seen on any ground.
function stroke(brush, width) {
  brush.lineWidth = width + 3;
  brush.strokeStyle = css("--paper");
  brush.stroke();
  brush.lineWidth = width;
  brush.strokeStyle = css("--ink");
  brush.stroke();
}

function segment(brush, from, to) {
  brush.beginPath();
  brush.moveTo(x(from[0]), y(from[1]));
  brush.lineTo(x(to[0]), y(to[1]));
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

// Ink on paper: 0 is the paper, 1 the ink.
function drawPicture(canvas, picture) {
  canvas.width = canvas.height = facts.side;
  canvas.getContext("2d").putImageData(inked(picture), 0, 0);
}

function inked(picture) {
  const sheet = new ImageData(facts.side, facts.side);
  const paper = rgb(css("--paper")), ink = rgb(css("--ink"));
  picture.forEach((level, i) => {
    sheet.data.set([...mix(paper, ink, clamp(level, 0, 1)), 255], 4 * i);
  });
  return sheet;
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

// Give an element the name by which screen readers call it.
function describe(element, words) {
  element.setAttribute("aria-label", words);
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

let pause;
// Read out a place once it has been reached, not every place on the way.
function announce(text) {
  clearTimeout(pause);
  pause = setTimeout(() => { find("[aria-live]").textContent = text; }, 500);
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
  await unpack();
  const weights = facts.steps.reduce((sum, {rows, columns}) => sum + rows * columns + columns, 0);
  find(".origin").textContent = weights
    ? `The decoder itself runs here: ${weights.toLocaleString("en")} weights in half precision.`
    : `You see ${facts.grid} × ${facts.grid} images of the decoder, blended in between.`;
  place = code(0);
  new ResizeObserver(redraw).observe(map);  // draws for the first time, too
  dark.addEventListener("change", redraw);
  listen();
}

begin().catch((error) => {
  find(".origin").textContent = "This browser cannot unpack the map; one of 2023 or later can.";
  throw error;
});
