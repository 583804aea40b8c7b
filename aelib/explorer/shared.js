"use strict";

// What all pages share: the facts, their numbers, dense nets, colours, pictures, what is read out.

const facts = JSON.parse(document.getElementById("facts").textContent);
const find = (selector) => document.querySelector(selector);
const pixels = facts.side ** 2;
const dark = matchMedia("(prefers-color-scheme: dark)");

// The data ---------------------------------------------------------------------------------------

// Unpack the page's numbers; what comes back takes them, so many bytes at a time.
async function unpack() {
  const packed = Uint8Array.from(atob(facts.data), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let position = 0;
  return (count) => bytes.slice(position, position += count);
}

const floats = (bytes) => new Float32Array(bytes.buffer);

// Half precision: a sign, five bits of exponent, ten of fraction.
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = bits >> 10 & 31, fraction = bits & 1023;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : fraction * 2 ** -24);
}

// All low bytes come first, then all high ones.
function halves(take, count) {
  const low = take(count), high = take(count);
  return Float32Array.from(low, (byte, i) => half(byte | high[i] << 8));
}

// Dense nets -------------------------------------------------------------------------------------

const activations = {
  linear: (x) => x,
  relu: (x) => Math.max(x, 0),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  elu: (x, slope) => (x > 0 ? x : slope * Math.expm1(x)),
  leaky_relu: (x, slope) => (x > 0 ? x : slope * x),
};

// Dense layers, from their weights. Large kernels come first, a byte a weight; the other numbers
// follow in half precision, among them a scale for each row of those kernels.
function dense(steps, take) {
  const bytes = steps.map(({coarse, rows, columns}) => coarse && take(rows * columns));
  const sizes = steps.map(({coarse, rows, columns}) => (coarse ? rows : rows * columns) + columns);
  const numbers = halves(take, sizes.reduce((sum, size) => sum + size, 0));
  let position = 0;
  const next = (count) => numbers.subarray(position, position += count);
  const layers = steps.map((step, n) => {
    const first = next(sizes[n] - step.columns), bias = next(step.columns);
    const scaled = (byte, i) => (byte - 128) * first[Math.floor(i / step.columns)];
    const kernel = step.coarse ? Float32Array.from(bytes[n], scaled) : first;
    return {...step, kernel, bias};
  });
  return (input) => layers.reduce(forward, Float32Array.from(input));
}

function forward(values, {rows, columns, kernel, bias, activation, slope}) {
  let sums = values;
  if (rows) {
    sums = Float32Array.from(bias);
    for (let i = 0; i < rows; i++) {
      if (!values[i]) continue;  // as most pixels are
      for (let j = 0; j < columns; j++) sums[j] += values[i] * kernel[i * columns + j];
    }
  }
  return sums.map((x) => activations[activation](x, slope[0]));
}

const weightsOf = (steps) =>
  steps.reduce((sum, {rows, columns}) => sum + rows * columns + columns, 0);

// Numbers ----------------------------------------------------------------------------------------

const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

// A number with a true minus sign, and none before a zero.
const fixed = (x, decimals) =>
  x.toFixed(decimals).replace(/^-(?=[0.]*$)/, "").replace("-", "−");

// Colours ----------------------------------------------------------------------------------------

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

// Pictures ---------------------------------------------------------------------------------------

// Fit a canvas to the screen's own pixels, by the size of what is shown; draw in CSS pixels.
function pen(canvas, shown = canvas) {
  const ratio = devicePixelRatio;
  canvas.width = Math.round(shown.clientWidth * ratio);
  canvas.height = Math.round(shown.clientHeight * ratio);
  const brush = canvas.getContext("2d");
  brush.scale(ratio, ratio);
  return brush;
}

// Ink on paper: 0 is the paper, 1 the ink.
function drawPicture(canvas, picture) {
  canvas.width = canvas.height = facts.side;
  canvas.getContext("2d").putImageData(inked(picture), 0, 0);
}

function inked(picture, side = facts.side) {
  const sheet = new ImageData(side, side);
  const paper = rgb(css("--paper")), ink = rgb(css("--ink"));
  picture.forEach((level, i) => {
    sheet.data.set([...mix(paper, ink, clamp(level, 0, 1)), 255], 4 * i);
  });
  return sheet;
}

// What is read out -------------------------------------------------------------------------------

// Give an element the name by which screen readers call it.
function describe(element, words) {
  element.setAttribute("aria-label", words);
}

let pause;
// Read out a place once it has been reached, not every place on the way.
function announce(text) {
  clearTimeout(pause);
  pause = setTimeout(() => { find("[aria-live]").textContent = text; }, 500);
}

function complain(error) {
  find(".origin").textContent = "This browser cannot unpack the page; one of 2023 or later can.";
  throw error;
}

