// A table of pictures, each with the content of its column and the style of its row.

const table = find(".table"), four = find(".four"), count = facts.count;

let images, painted;      // the givers, and the table: row by row, the style's giver first
let style = 0, content = 1;

async function load() {
  const take = await unpack();
  images = levels(take(count * pixels));
  painted = levels(take(count ** 2 * pixels));
}

const pick = (all, n) => all.subarray(n * pixels, (n + 1) * pixels);

function draw() {
  const brush = pen(table), size = table.clientWidth / (count + 1);
  const put = (picture, column, row) =>
    stamp(brush, picture, facts.side, column * size + 1, row * size + 1, size - 2);
  for (let n = 0; n < count; n++) {
    put(pick(images, n), n + 1, 0);
    put(pick(images, n), 0, n + 1);
    for (let m = 0; m < count; m++) put(pick(painted, n * count + m), m + 1, n + 1);
  }
  brush.fillStyle = css("--soft");
  brush.fillRect(size, 0, 1, table.clientHeight);
  brush.fillRect(0, size, table.clientWidth, 1);
  ofTable.move([content + 1, style + 1]);
  ofTable.frame(brush);
  const [a, b] = [facts.names[style], facts.names[content]];
  const shown = [
    [`A: ${a}`, pick(images, style)], [`B: ${b}`, pick(images, content)],
    ["what A says, in B's style", pick(painted, content * count + style)],
    ["what B says, in A's style", pick(painted, style * count + content)],
  ];
  shown.forEach(([caption, picture], n) => {
    const [canvas, words] = four.children[n].children;
    drawPicture(canvas, picture);
    describe(canvas, caption);
    words.textContent = caption;
  });
  find(".answer").textContent = `The framed picture: the content of ${b}, the style of ${a}.`;
}

function change() {
  draw();
  announce(find(".answer").textContent);
}

// The first row and column show the givers; to choose one there changes that half alone.
const ofTable = cells(table, count + 1, count + 1, ([column, row]) => {
  if (column) content = column - 1;
  if (row) style = row - 1;
  change();
});

async function start() {
  find("h1").textContent = facts.title;
  document.title = facts.title || document.title;
  describe(table, `Table of ${count} by ${count} pictures: content by column, style by row`);
  for (let n = 0; n < 4; n++) {
    const figure = document.createElement("figure"), canvas = document.createElement("canvas");
    canvas.className = "pixels";
    canvas.setAttribute("role", "img");
    figure.append(canvas, document.createElement("figcaption"));
    four.append(figure);
  }
  await load();
  find("button").addEventListener("click", () => {
    [style, content] = [content, style];
    change();
  });
  new ResizeObserver(() => { if (table.clientWidth) draw(); }).observe(table);
  dark.addEventListener("change", draw);
}

start().catch(complain);
