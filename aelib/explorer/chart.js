// A chart: axes, points in the colours of their digits, names amid them.

const map = find(".map");
const [[west, east], [south, north]] = facts.limits;
const ground = document.createElement("canvas");  // what does not move: axes, points, names
let codes, labels;  // of the points: two floats, one digit each

// Places -----------------------------------------------------------------------------------------

const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
const code = (n) => [codes[2 * n], codes[2 * n + 1]];
const decimals = clamp(2 - Math.floor(Math.log10((east - west) / 2)), 0, 8);
const round = (x) => fixed(x, decimals);
const write = (z) => `(${z.map(round).join(", ")})`;

// Drawing ----------------------------------------------------------------------------------------

// Points keep their colours in the light; at night the darkest two must come forward a little.
const pointColour = (digit) => colour(digit, dark.matches ? 2 : 1);
const nameColour = (digit) => colour(digit, dark.matches ? 7 : 4.5);

const wide = 38, narrow = 8;  // margins in CSS pixels: left and below for the axes, and the others
const span = () => map.clientWidth - wide - narrow;
const x = (z) => wide + (z - west) / (east - west) * span();
const y = (z) => narrow + (north - z) / (north - south) * span();

function drawGround() {
  const brush = pen(ground, map);
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

  const [across, up] = facts.axes || ["z₁", "z₂"];
  brush.font = facts.axes ? "13px system-ui, sans-serif" : "italic 14px Georgia, serif";
  brush.textAlign = "center";
  brush.fillText(across, x((west + east) / 2), y(south) + 33);
  brush.save();
  brush.translate(10, y((south + north) / 2));
  brush.rotate(-Math.PI / 2);
  brush.fillText(up, 0, 0);
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

