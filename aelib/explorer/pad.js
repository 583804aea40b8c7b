// A pad: what is drawn is brought into MNIST's form and goes through a net.

const pad = find(".pad"), row = find(".row"), slider = find("input"), again = find(".again");
const PEN = 2.4, EDGE = 1.7;  // in pixels: a stroke's width, and the way from ink to paper
const BOX = 20, SMALLEST = 0.1;  // what is smaller than a tenth of the pad is enlarged no further

let pictures;           // real digits to look through, a byte a pixel
let encode, decode;     // the nets: picture to code, code to picture
let strokes = [];       // lines of points [x, y], from 0 to 1 across the pad
let digit = 0;          // the real digit that is shown; null once something is drawn
let cursor = [0.5, 0.5], down = false;  // the pen that keys move
let seed = 1;           // of the noise
let shown = {};         // what the page says now: pictures and numbers by name

// The data ---------------------------------------------------------------------------------------

async function load() {
  const take = await unpack();
  if (facts.does === "anomaly") errors = facts.counts.map((count) => floats(take(4 * count)));
  else {
    codes = floats(take(8 * facts.count));
    labels = take(facts.count);
  }
  pictures = take(facts.pictures * pixels);
  encode = dense(facts.encoder, take);
  decode = dense(facts.decoder, take);
}

const realDigit = (n) =>
  Float32Array.from(pictures.subarray(n * pixels, (n + 1) * pixels), (level) => level / 255);

// Numbers from N(0, 1), the same from the same seed: mulberry32, then Box and Muller.
function gaussian(count, seed) {
  let state = seed * 0x9E3779B9;
  const uniform = () => {
    state = state + 0x6D2B79F5 | 0;
    let mixed = Math.imul(state ^ state >>> 15, 1 | state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
  return Float32Array.from({length: count}, () =>
    Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()));
}

// From strokes to a picture ----------------------------------------------------------------------

// MNIST's form: a box of 20 × 20 pixels with smooth edges, the centre of mass in the middle.
function picture(lines) {
  const points = lines.flat();
  if (!points.length) return new Float32Array(pixels);
  const [left, top] = [0, 1].map((i) => Math.min(...points.map((point) => point[i])));
  const [right, bottom] = [0, 1].map((i) => Math.max(...points.map((point) => point[i])));
  const scale = (BOX - PEN) / Math.max(right - left, bottom - top, SMALLEST);
  const middle = [(left + right) / 2, (top + bottom) / 2];
  const placed = (shift) => lines.map((line) =>
    line.map((point) => point.map((z, i) => (z - middle[i]) * scale + shift[i])));
  const centre = (facts.side - 1) / 2;
  const mass = middleOf(inkOf(placed([centre, centre])));
  return inkOf(placed(mass.map((z) => centre + facts.side / 2 - z)));
}

// Ink by the distance of each pixel from the nearest stroke.
function inkOf(lines) {
  const ink = new Float32Array(pixels), reach = (PEN + EDGE) / 2;
  const put = (column, row, far) => {
    const i = row * facts.side + column;
    ink[i] = Math.max(ink[i], clamp((reach - far) / EDGE, 0, 1));
  };
  for (const line of lines)
    line.forEach((to, n) => {
      const from = line[Math.max(n - 1, 0)];
      const [first, last] = [0, 1].map((i) => [
        Math.max(0, Math.ceil(Math.min(from[i], to[i]) - reach)),
        Math.min(facts.side - 1, Math.floor(Math.max(from[i], to[i]) + reach))]);
      for (let column = first[0]; column <= first[1]; column++)
        for (let row = last[0]; row <= last[1]; row++)
          put(column, row, away([column, row], from, to));
    });
  return ink;
}

// The distance of a point from a straight line between two others.
function away(point, from, to) {
  const along = [to[0] - from[0], to[1] - from[1]];
  const square = along[0] ** 2 + along[1] ** 2;
  const reached = (point[0] - from[0]) * along[0] + (point[1] - from[1]) * along[1];
  const share = square ? clamp(reached / square, 0, 1) : 0;
  return Math.hypot(point[0] - from[0] - share * along[0], point[1] - from[1] - share * along[1]);
}

function middleOf(ink) {
  let total = 0, across = 0, below = 0;
  ink.forEach((level, i) => {
    total += level;
    across += level * (i % facts.side);
    below += level * Math.floor(i / facts.side);
  });
  return [across / total, below / total];
}

// What a page does with a picture ----------------------------------------------------------------

let errors;  // of the test images, sorted: the normal ones and the others

const squared = (one, other) => mean(one.map((level, i) => (level - other[i]) ** 2));
const small = (error) => error.toFixed(4);

// Each gives the pictures of the row by their captions, and the sentence below them.
const does = {
  nearest(seen) {
    const z = encode(seen), restored = decode(z), error = squared(seen, restored);
    const far = Array.from(labels, (_, n) => distance(code(n), z));
    const near = Array.from(far.keys()).sort((a, b) => far[a] - far[b]).slice(0, 3);
    return {
      z, restored, error, near,
      row: [["seen", seen], ["restored", restored],
            ...near.map((n) => [`a ${labels[n]} at ${fixed(far[n], decimals + 1)}`, realDigit(n)])],
      answer: `z = ${write([...z])}; squared error ${small(error)}; the nearest test digits are ` +
        `${near.map((n) => labels[n]).join(", ")}.`,
    };
  },
  noise(seen) {
    const scale = Number(slider.value), grain = gaussian(pixels, seed);
    const noisy = seen.map((level, i) => clamp(level + scale * grain[i], 0, 1));
    const z = encode(noisy), restored = decode(z), clean = encode(seen);
    const before = squared(seen, noisy), error = squared(seen, restored);
    return {
      z, restored, noisy, clean, before, error,
      row: [["seen", seen], ["noisy", noisy], ["restored", restored],
            ["from the clean one", decode(clean)]],
      answer: `Noise of ${scale.toFixed(2)}: squared error ${small(before)}, restored ` +
        `${small(error)}; z moves by ${round(distance(z, clean))}.`,
    };
  },
  cloud(seen) {
    const found = encode(seen), z = found.subarray(0, 2);
    const deviation = found.subarray(2).map((log) => Math.exp(log / 2));
    const grain = gaussian(12, seed);
    const draws = [0, 1, 2, 3, 4, 5].map((n) =>
      [0, 1].map((i) => z[i] + deviation[i] * grain[2 * n + i]));
    const kl = [0, 1].reduce((sum, i) =>
      sum + (z[i] ** 2 + deviation[i] ** 2 - 1 - found[2 + i]) / 2, 0);
    const restored = decode(z);
    return {
      z, restored, deviation, draws, kl,
      row: [["seen", seen], ["from the mean", restored],
            ...draws.map((draw, n) => [`draw ${n + 1}`, decode(draw)])],
      answer: `μ = ${write([...z])}, σ = ${write([...deviation])}; KL ${kl.toFixed(2)} nats.`,
    };
  },
  anomaly(seen) {
    const restored = decode(encode(seen)), error = squared(seen, restored);
    const below = errors.map((sorted) => sorted.filter((other) => other < error).length);
    const [ours, others] = below.map((count, n) => Math.round(100 * count / facts.counts[n]));
    const strange = error > facts.threshold;
    return {
      restored, error, strange, below,
      row: [["seen", seen], ["restored", restored],
            ["difference", seen.map((level, i) => Math.abs(level - restored[i]))]],
      answer: `Squared error ${small(error)}, threshold ${small(facts.threshold)}: ` +
        `${strange ? "called" : "not called"} an anomaly. Larger than for ${ours} % of the ` +
        `${facts.groups[0]}, ${others} % of the ${facts.groups[1]}.`,
    };
  },
};

// Drawing ----------------------------------------------------------------------------------------

function drawPad(seen) {
  const brush = pen(pad), size = pad.clientWidth;
  if (digit !== null) {
    const sheet = document.createElement("canvas");
    drawPicture(sheet, seen);
    brush.imageSmoothingEnabled = false;
    brush.drawImage(sheet, 0, 0, size, size);
  }
  brush.lineCap = brush.lineJoin = "round";
  brush.lineWidth = size * PEN / 28;
  brush.strokeStyle = css("--ink");
  for (const line of strokes) {
    brush.beginPath();
    for (const [x, y] of [line[0], ...line]) brush.lineTo(x * size, y * size);
    brush.stroke();
  }
  if (digit === null && !strokes.length) {
    brush.fillStyle = css("--soft");
    brush.font = "15px system-ui, sans-serif";
    brush.textAlign = "center";
    brush.fillText("Draw a digit here", size / 2, size / 2);
  }
  if (!pad.matches(":focus-visible")) return;
  brush.beginPath();
  brush.arc(cursor[0] * size, cursor[1] * size, size * PEN / 56 + 2, 0, 2 * Math.PI);
  stroke(brush, down ? 3 : 1);
}

function drawView() {
  const brush = pen(map);
  brush.drawImage(ground, 0, 0, map.clientWidth, map.clientHeight);
  if (facts.does === "anomaly") return drawError(brush);
  const z = shown.z.map((z, i) => clamp(z, ...facts.limits[i]));
  if (facts.does === "nearest")
    for (const n of shown.near) ring(brush, code(n), 4);
  if (facts.does === "noise") {
    segment(brush, shown.clean, z);
    stroke(brush, 1);
    ring(brush, shown.clean, 3);
  }
  if (facts.does === "cloud") {
    const [across, up] = Array.from(shown.deviation, (s) => 2 * s * span() / (east - west));
    brush.beginPath();
    brush.ellipse(x(z[0]), y(z[1]), across, up, 0, 0, 2 * Math.PI);
    stroke(brush, 1.5);
    for (const draw of [z, ...shown.draws]) dot(brush, draw, 1.5);
  } else ring(brush, z, 6.5);
}

function dot(brush, z, radius) {
  disc(brush, z, radius);
  brush.fillStyle = css("--ink");
  brush.fill();
}

function ring(brush, z, radius) {
  disc(brush, z, radius);
  stroke(brush, radius > 5 ? 2 : 1);
}

// Two histograms, the normal images in front; their names stand in the corner.
function drawBars() {
  const brush = pen(ground, map), width = span() / facts.bars[0].length;
  [1, 0].forEach((group) => {
    brush.fillStyle = colour(group ? 7 : 0, 2);
    brush.globalAlpha = group ? 0.45 : 0.65;
    facts.bars[group].forEach((share, n) => {
      brush.fillRect(x(west) + n * width, y(share), width - 0.5, y(0) - y(share));
    });
    brush.globalAlpha = 1;
    brush.fillRect(x(east) - 12, 14 + 20 * group, 12, 12);
    brush.fillStyle = css("--ink");
    brush.font = "13px system-ui, sans-serif";
    brush.textAlign = "right";
    brush.fillText(facts.groups[group], x(east) - 18, 25 + 20 * group);
  });
  drawAxes(brush);
  mark(brush, facts.threshold, "threshold", [4, 4], 60);
}

function drawError(brush) {
  mark(brush, clamp(shown.error, west, east), "drawn", [], 85);
}

function mark(brush, error, name, dashes, height) {
  brush.setLineDash(dashes);
  segment(brush, [error, south], [error, north]);
  stroke(brush, 1.5);
  brush.setLineDash([]);
  brush.font = "bold 13px system-ui, sans-serif";
  const right = x(error) > map.clientWidth / 2;
  brush.textAlign = right ? "right" : "left";
  brush.fillStyle = css("--ink");
  brush.fillText(name, x(error) + (right ? -6 : 6), height);
}

function drawRow() {
  while (row.children.length < shown.row.length) {
    const figure = document.createElement("figure"), canvas = document.createElement("canvas");
    canvas.className = "pixels";
    canvas.setAttribute("role", "img");
    figure.append(canvas, document.createElement("figcaption"));
    row.append(figure);
  }
  shown.row.forEach(([caption, picture], n) => {
    const [canvas, words] = row.children[n].children;
    drawPicture(canvas, picture);
    describe(canvas, caption);
    words.textContent = caption;
  });
}

// Showing ----------------------------------------------------------------------------------------

function show() {
  const seen = digit === null ? picture(strokes) : realDigit(digit);
  shown = {seen, ...does[facts.does](seen)};
  drawPad(seen);
  drawView();
  drawRow();
  find(".answer").textContent = shown.answer;
  find("label span").textContent = `Noise ${Number(slider.value).toFixed(2)}`;
}

function change() {
  show();
  announce(shown.answer);
}

// What the reader does ---------------------------------------------------------------------------

function begin(point) {
  digit = null;
  strokes.push([point]);
}

function clear() {
  digit = null;
  strokes = [];
  down = false;
  change();
}

function undo() {
  if (digit !== null) return clear();
  strokes.pop();
  down = false;
  change();
}

function next() {
  digit = digit === null ? 0 : (digit + 1) % facts.pictures;
  strokes = [];
  down = false;
  change();
}

function under(event) {
  const box = pad.getBoundingClientRect();
  return [clamp((event.clientX - box.left) / box.width, 0, 1),
          clamp((event.clientY - box.top) / box.height, 0, 1)];
}

function press(event) {
  const [right, below] = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1],
                          ArrowDown: [0, 1]}[event.key] || [0, 0];
  if (right || below) {
    const length = event.shiftKey ? 0.1 : 0.02;
    cursor = [clamp(cursor[0] + right * length, 0, 1), clamp(cursor[1] + below * length, 0, 1)];
    if (down) strokes.at(-1).push(cursor);
    down ? change() : drawPad(shown.seen);
  } else if (event.key === " ") {
    if (event.repeat) return event.preventDefault();
    down = !down;
    if (down) begin(cursor);
    change();
  } else if (event.key === "Backspace") undo();
  else if (event.key === "Delete") clear();
  else return;
  event.preventDefault();
}

function listen() {
  let drawing = false;
  pad.addEventListener("pointerdown", (event) => {
    if (event.button || !event.isPrimary) return;
    pad.setPointerCapture(event.pointerId);
    drawing = true;
    down = false;
    begin(under(event));
    change();
  });
  pad.addEventListener("pointermove", (event) => {
    if (!drawing || !event.isPrimary) return;
    strokes.at(-1).push(under(event));
    change();
  });
  for (const end of ["pointerup", "pointercancel"])
    pad.addEventListener(end, () => { drawing = false; });
  pad.addEventListener("keydown", press);
  for (const turn of ["focus", "blur"]) pad.addEventListener(turn, () => drawPad(shown.seen));
  find(".clear").addEventListener("click", clear);
  find(".undo").addEventListener("click", undo);
  find(".next").addEventListener("click", next);
  slider.addEventListener("input", change);
  again.addEventListener("click", () => {
    seed++;
    change();
  });
}

// The start --------------------------------------------------------------------------------------

function redraw() {
  if (!map.clientWidth) return;  // in a part of the page that is folded away
  facts.does === "anomaly" ? drawBars() : drawGround();
  show();
}

async function start() {
  find("h1").textContent = facts.title;
  document.title = facts.title || document.title;
  describe(pad, "Pad to draw a digit on");
  const many = facts.count.toLocaleString("en");
  describe(map, facts.does === "anomaly"
    ? `Errors of ${facts.groups.join(" and of ")}, the threshold, and the error of the drawing`
    : `Map of ${many} codes, coloured by digit, and the code of the drawing`);
  find("label").hidden = facts.does !== "noise";
  again.textContent = {noise: "New noise", cloud: "New draws"}[facts.does] || "";
  again.hidden = !again.textContent;
  slider.value = facts.noise ?? 0;
  await load();
  const weights = weightsOf([...facts.encoder, ...facts.decoder]).toLocaleString("en");
  find(".origin").textContent = `The net itself runs here, all ${weights} weights; its pictures ` +
    `of test digits are within ${facts.stray} of Keras's on average.`;
  new ResizeObserver(redraw).observe(map);  // draws for the first time, too
  dark.addEventListener("change", redraw);
  listen();
}

start().catch(complain);
