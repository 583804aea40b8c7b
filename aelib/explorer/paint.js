// A digit painted with a codebook: a grid of entries, and the decoder that makes an image of them.

const grid = find(".grid"), book = find(".book");
const entries = facts.entries, columns = Math.ceil(Math.sqrt(entries));  // and as many rows

let grids;            // the entries of real digits, a byte a place, by their rank in the palette
let codebook, tiles;  // each entry's numbers, and the picture of what it paints
let decode;           // the entries of a grid => their image
let digit = 0, place = 0;
let current = [];     // the entry at each place
let before = [];      // what Undo goes back to

// The data ---------------------------------------------------------------------------------------

async function load() {
  const take = await unpack(), places = facts.places ** 2;
  grids = take(facts.grids * places);
  codebook = floats(take(4 * entries * facts.width));
  tiles = levels(take(entries * facts.tile ** 2));
  const steps = facts.steps.map((step) => ({
    ...step, kernel: halves(take, step.size ** 2 * step.rows * step.columns),
    bias: halves(take, step.columns),
  }));
  decode = (chosen) => {
    const numbers = chosen.flatMap((k) =>
      Array.from(codebook.subarray(k * facts.width, (k + 1) * facts.width)));
    const first = {side: facts.places, values: Float32Array.from(numbers)};
    return steps.reduce(convolve, first).values;
  };
}

// A convolution, plain or transposed, whose output is as large as its input times the stride. Each
// input is spread over the outputs that its kernel reaches.
function convolve({side, values}, {size, stride, transposed, rows, columns, kernel, bias, ...step}) {
  const wide = transposed ? side * stride : side;
  const margin = Math.floor((transposed ? Math.max(size - stride, 0) : size - 1) / 2);
  const sums = new Float32Array(wide * wide * columns);
  for (let at = 0; at < wide * wide; at++) sums.set(bias, at * columns);
  const reach = (z, tap) => (transposed ? z * stride + tap - margin : z - tap + margin);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++)
      for (let down = 0; down < size; down++)
        for (let right = 0; right < size; right++) {
          const below = reach(y, down), across = reach(x, right);
          if (below < 0 || below >= wide || across < 0 || across >= wide) continue;
          const out = (below * wide + across) * columns;
          for (let i = 0; i < rows; i++) {
            const value = values[(y * side + x) * rows + i];
            if (!value) continue;
            const from = ((down * size + right) * rows + i) * columns;
            for (let j = 0; j < columns; j++) sums[out + j] += value * kernel[from + j];
          }
        }
  return {side: wide, values: sums.map((x) => activations[step.activation](x, step.slope[0]))};
}

// Showing ----------------------------------------------------------------------------------------

const cell = (n, across) => [n % across, Math.floor(n / across)];

function draw() {
  const brush = pen(grid), step = grid.clientWidth / facts.places;
  stamp(brush, decode(current), facts.side, 0, 0, grid.clientWidth);
  brush.strokeStyle = css("--soft");
  brush.globalAlpha = 0.35;
  brush.beginPath();
  for (let n = 1; n < facts.places; n++) {
    brush.moveTo(n * step, 0);
    brush.lineTo(n * step, grid.clientHeight);
    brush.moveTo(0, n * step);
    brush.lineTo(grid.clientWidth, n * step);
  }
  brush.stroke();
  brush.globalAlpha = 1;
  ofGrid.frame(brush);
  drawBook();
  const [column, row] = cell(place, facts.places).map((z) => z + 1);
  find(".answer").textContent = `Row ${row}, column ${column}: entry ${facts.numbers[current[place]]}.`;
}

function drawBook() {
  const brush = pen(book), size = book.clientWidth / columns;
  for (let k = 0; k < entries; k++) {
    const [column, row] = cell(k, columns), pixels = facts.tile ** 2;
    const tile = tiles.subarray(k * pixels, (k + 1) * pixels);
    stamp(brush, tile, facts.tile, column * size + 1, row * size + 1, size - 2);
  }
  ofBook.move(cell(current[place], columns));
  ofBook.frame(brush);
}

function change() {
  draw();
  announce(find(".answer").textContent);
}

// What the reader does ---------------------------------------------------------------------------

function put(entry) {
  if (current[place] === entry) return;
  before.push([...current]);
  current[place] = entry;
}

const ofGrid = cells(grid, facts.places, facts.places, ([column, row], dragged) => {
  const entry = current[place];
  place = row * facts.places + column;
  if (dragged) put(entry);
  change();
});

const ofBook = cells(book, columns, columns, ([column, row]) => {
  const entry = row * columns + column;
  if (entry < entries) put(entry);  // the last rows may be empty
  change();
});

function show(n) {
  digit = n;
  before = [];
  current = Array.from(grids.subarray(n * facts.places ** 2, (n + 1) * facts.places ** 2));
}

function listen() {
  find(".undo").addEventListener("click", () => {
    current = before.pop() || current;
    change();
  });
  find(".blank").addEventListener("click", () => {
    before.push([...current]);
    current = current.map(() => facts.blank);
    change();
  });
  find(".next").addEventListener("click", () => {
    show((digit + 1) % facts.grids);
    change();
  });
}

// The start --------------------------------------------------------------------------------------

async function start() {
  find("h1").textContent = facts.title;
  document.title = facts.title || document.title;
  describe(grid, `Image of ${facts.places} by ${facts.places} entries`);
  describe(book, `Codebook of ${entries} entries, each drawn as what it paints`);
  await load();
  show(0);
  place = facts.places * Math.floor(facts.places / 2) + Math.floor(facts.places / 2);
  ofGrid.move(cell(place, facts.places));
  const weights = facts.steps.reduce((sum, {size, rows, columns}) =>
    sum + size ** 2 * rows * columns + columns, 0);
  find(".origin").textContent = `The decoder itself runs here: ${weights.toLocaleString("en")} ` +
    "weights in half precision.";
  new ResizeObserver(() => { if (grid.clientWidth) draw(); }).observe(grid);
  dark.addEventListener("change", draw);
  listen();
}

start().catch(complain);
