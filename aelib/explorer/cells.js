// A canvas of cells, one of which is chosen with a pointer or with arrows.

// `choose` gets a cell's column and row, and whether the pointer was dragged to it.
function cells(canvas, columns, rows, choose) {
  let chosen = [0, 0], pressed = false;
  const inside = ([column, row]) => [clamp(column, 0, columns - 1), clamp(row, 0, rows - 1)];
  const turn = (cell, dragged) => {
    chosen = inside(cell);
    choose(chosen, dragged);
  };
  const under = (event) => {
    const box = canvas.getBoundingClientRect();
    return inside([Math.floor((event.clientX - box.left) / box.width * columns),
                   Math.floor((event.clientY - box.top) / box.height * rows)]);
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button || !event.isPrimary) return;
    canvas.setPointerCapture(event.pointerId);
    pressed = true;
    turn(under(event), false);
  });
  canvas.addEventListener("pointermove", (event) => {
    const cell = under(event);
    if (pressed && event.isPrimary && String(cell) !== String(chosen)) turn(cell, true);
  });
  for (const end of ["pointerup", "pointercancel"])
    canvas.addEventListener(end, () => { pressed = false; });
  canvas.addEventListener("keydown", (event) => {
    const step = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1],
                  ArrowDown: [0, 1]}[event.key];
    if (!step) return;
    turn([chosen[0] + step[0], chosen[1] + step[1]], false);
    event.preventDefault();
  });
  return {
    // Move the frame without choosing.
    move(cell) { chosen = inside(cell); },
    // Draw a frame around the chosen cell.
    frame(brush) {
      const width = canvas.clientWidth / columns, height = canvas.clientHeight / rows;
      for (const [name, line] of [["--paper", 5], ["--focus", 2.5]]) {
        brush.strokeStyle = css(name);
        brush.lineWidth = line;
        brush.strokeRect(chosen[0] * width + 1, chosen[1] * height + 1, width - 2, height - 2);
      }
    },
  };
}

// Put a square picture into a cell, its pixels left as they are.
function stamp(brush, picture, side, left, top, size) {
  const sheet = document.createElement("canvas");
  sheet.width = sheet.height = side;
  sheet.getContext("2d").putImageData(inked(picture, side), 0, 0);
  brush.imageSmoothingEnabled = false;
  brush.drawImage(sheet, left, top, size, size);
}

const levels = (bytes) => Float32Array.from(bytes, (level) => level / 255);

