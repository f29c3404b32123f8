// The plot: where points stand on the canvas, which is under the pointer, how they are drawn. Points whose class is
// switched off, or that the program's filter left out, are faint and have no card.

const canvas = document.getElementById("plot");
const brush = canvas.getContext("2d");
const dark = window.matchMedia("(prefers-color-scheme: dark)");

const state = {
  plane: plot.plane,
  colour: plot.colour,
  /** Which classing the legend shows and switches. */
  classing: 0,
  /** Classes that are switched off, by classing; NONE is one of them. */
  off: plot.classings.map(() => new Set()),
  hits: [],
  /** Which of the hits, or of all points, n went to last. */
  hit: -1,
  hover: -1,
  pinned: -1,
  words: true,
  centre: [0, 0],
  /** Pixels of a unit of the axes. */
  scale: 1,
};

/** Points that are not faint and whose class is on, and those whose cards can be had; remade when classes are switched. */
let visible = new Uint8Array(count);
let asked = new Uint8Array(count);
/** Points in the order in which they are drawn, in runs of one colour: [bucket, from, to]. */
let order = new Uint32Array(count);
let runs = [];
let ramp = null;

const axis = (which) => plot.axes[plot.planes[state.plane][which]].values;
const palette = () => plot.palettes[dark.matches ? "dark" : "light"];
const FAINT = 0, BLANK = 1, FIRST = 2;

function colours() {
  const { faint, none, hues, steps, plain } = palette();
  const kind = colourings[state.colour]?.kind;
  return [faint, none, ...(kind === undefined ? [plain] : kind === "classes" ? hues : steps)];
}

function remake() {
  const off = state.off[state.classing];
  const classes = plot.classings[state.classing]?.of;
  for (let i = 0; i < count; i++) {
    const on = !(classes && off.has(classes[i]));
    visible[i] = on && !plot.faint?.of[i] ? 1 : 0;
    asked[i] = on && (!plot.faint?.of[i] || plot.faint.asked) ? 1 : 0;
  }
  const colouring = colourings[state.colour];
  const steps = palette().steps.length, hues = palette().hues.length;
  ramp = colouring?.kind === "firing" ? fires(colouring.at) : colouring?.kind === "ramp" ? colouring : null;
  const bucketOf = (i) => {
    if (!visible[i]) return FAINT;
    if (!colouring) return FIRST;
    if (ramp) {
      const step = stepOf(ramp.values[i], ramp, steps);
      return step < 0 ? BLANK : FIRST + step;
    }
    return colouring.of[i] === NONE ? BLANK : FIRST + (colouring.of[i] % hues);
  };
  // In layers from below: faint, blank, and the coloured ones in as many slices as keep any colour from lying on top of
  // all others. Within a slice colours come together, for changing them costs time.
  const SLICES = 16, width = FIRST + Math.max(hues, steps);
  const keys = new Uint16Array(count);
  const starts = new Uint32Array(SLICES * width + width + 1);
  for (let i = 0; i < count; i++) {
    const bucket = bucketOf(i);
    keys[i] = bucket < FIRST ? bucket : (1 + (i % SLICES)) * width + bucket;
    starts[keys[i] + 1]++;
  }
  for (let key = 1; key < starts.length; key++) starts[key] += starts[key - 1];
  runs = [];
  for (let key = 0; key + 1 < starts.length; key++) {
    if (starts[key] < starts[key + 1]) runs.push([key % width, starts[key], starts[key + 1]]);
  }
  const next = starts.slice();
  for (let i = 0; i < count; i++) order[next[keys[i]]++] = i;
}

/** The points of the plane in squares, so that what is near a place is found without asking all. */
let grid = null;

function square() {
  const [x, y] = [axis("x"), axis("y")];
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < count; i++) {
    if (!Number.isFinite(x[i]) || !Number.isFinite(y[i])) continue;
    [left, right] = [Math.min(left, x[i]), Math.max(right, x[i])];
    [low, high] = [Math.min(low, y[i]), Math.max(high, y[i])];
  }
  const side = Math.min(Math.max(Math.ceil(Math.sqrt(count / 4)), 1), 512);
  const size = Math.max((right - left) / side, (high - low) / side, Number.MIN_VALUE);
  const cellOf = (value, from) => Math.min(Math.max(Math.floor((value - from) / size), 0), side - 1);
  const cells = new Uint32Array(count);
  const starts = new Uint32Array(side * side + 1);
  for (let i = 0; i < count; i++) {
    cells[i] = Number.isFinite(x[i]) && Number.isFinite(y[i]) ? cellOf(y[i], low) * side + cellOf(x[i], left) : side * side;
    if (cells[i] < side * side) starts[cells[i] + 1]++;
  }
  for (let cell = 1; cell < starts.length; cell++) starts[cell] += starts[cell - 1];
  const inside = new Uint32Array(starts[side * side]);
  const next = starts.slice();
  for (let i = 0; i < count; i++) if (cells[i] < side * side) inside[next[cells[i]]++] = i;
  grid = { left, low, side, cellOf, starts, inside };
}

/** The point that can be asked nearest to a place on the canvas, within a few pixels; -1 if there is none. */
function nearest(px, py, reach = 14) {
  if (!Number.isFinite(grid.left)) return -1;
  const [x, y] = [axis("x"), axis("y")];
  const [dx, dy] = placed(px, py);
  const radius = reach / state.scale;
  const { left, low, side, cellOf, starts, inside } = grid;
  let [best, least] = [-1, radius * radius];
  for (let row = cellOf(dy - radius, low); row <= cellOf(dy + radius, low); row++) {
    const [from, to] = [row * side + cellOf(dx - radius, left), row * side + cellOf(dx + radius, left)];
    for (let at = starts[from]; at < starts[to + 1]; at++) {
      const i = inside[at];
      const distance = (x[i] - dx) ** 2 + (y[i] - dy) ** 2;
      if (asked[i] && distance <= least) [best, least] = [i, distance];
    }
  }
  return best;
}

const width = () => canvas.clientWidth || 1;
const height = () => canvas.clientHeight || 1;

/** From the axes to the canvas. */
function onCanvas(x, y) {
  return [(x - state.centre[0]) * state.scale + width() / 2, height() / 2 - (y - state.centre[1]) * state.scale];
}

/** From the canvas to the axes. */
function placed(px, py) {
  return [(px - width() / 2) / state.scale + state.centre[0], (height() / 2 - py) / state.scale + state.centre[1]];
}

/** The scale at which all that is shown was fitted last, and whether the reader has moved the view since. */
let fitted = 1;
let moved = false;

function fit() {
  const [x, y] = [axis("x"), axis("y")];
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
  const any = visible.includes(1);
  for (let i = 0; i < count; i++) {
    if ((any && !visible[i]) || !Number.isFinite(x[i]) || !Number.isFinite(y[i])) continue;
    [left, right] = [Math.min(left, x[i]), Math.max(right, x[i])];
    [low, high] = [Math.min(low, y[i]), Math.max(high, y[i])];
  }
  if (left > right) return;
  state.centre = [(left + right) / 2, (low + high) / 2];
  const scale = Math.min((width() - 48) / (right - left), (height() - 48) / (high - low));
  fitted = state.scale = Number.isFinite(scale) && scale > 0 ? scale : 1;
  moved = false;
}

function pan(dx, dy) {
  moved = true;
  state.centre = [state.centre[0] - dx / state.scale, state.centre[1] + dy / state.scale];
}

/** Zooms about a place that stays where it is. */
function zoom(factor, px = width() / 2, py = height() / 2) {
  moved = true;
  const [x, y] = placed(px, py);
  state.scale = Math.min(Math.max(state.scale * factor, fitted / 20), fitted * 5000);
  const [nx, ny] = placed(px, py);
  state.centre = [state.centre[0] + x - nx, state.centre[1] + y - ny];
}

/** Brings a point into view. */
function reveal(i) {
  const [x, y] = [axis("x")[i], axis("y")[i]];
  const [px, py] = onCanvas(x, y);
  const inside = px > 30 && py > 30 && px < width() - 30 && py < height() - 30;
  if (inside || !Number.isFinite(x) || !Number.isFinite(y)) return;
  state.centre = [x, y];
  moved = true;
}

function radius() {
  const base = count < 1000 ? 4 : count < 8000 ? 2.6 : count < 30000 ? 1.8 : 1.1;
  return base * Math.min(Math.max((state.scale / fitted) ** 0.35, 0.8), 3);
}

function draw() {
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [width(), height()];
  if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(h * ratio)) {
    [canvas.width, canvas.height] = [Math.round(w * ratio), Math.round(h * ratio)];
  }
  brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  brush.clearRect(0, 0, w, h);
  points(w, h);
  const { ink } = palette();
  brush.strokeStyle = brush.fillStyle = ink;
  if (state.pinned >= 0 && plot.near) rays(state.pinned, w, h);
  brush.lineWidth = 1.5;
  for (const i of plot.marked) ring(i, radius() + 2.5);
  for (const i of state.hits) ring(i, radius() + 2);
  if (state.words) lettering(w, h);
  brush.lineWidth = 2;
  for (const i of [state.hover, state.pinned]) if (i >= 0) ring(i, radius() + 5);
}

function points(w, h) {
  const [x, y, r, all] = [axis("x"), axis("y"), radius(), colours()];
  const [ox, oy, scale] = [w / 2 - state.centre[0] * state.scale, h / 2 + state.centre[1] * state.scale, state.scale];
  // Round dots where there are few, squares where nobody could tell.
  const round = count <= 30000 && r > 1.2;
  for (const [bucket, from, to] of runs) {
    brush.fillStyle = all[bucket];
    if (round) brush.beginPath();
    for (let at = from; at < to; at++) {
      const i = order[at];
      const [px, py] = [x[i] * scale + ox, oy - y[i] * scale];
      if (!(px > -r && py > -r && px < w + r && py < h + r)) continue;
      if (round) {
        brush.moveTo(px + r, py);
        brush.arc(px, py, r, 0, 2 * Math.PI);
      } else {
        brush.fillRect(px - r, py - r, 2 * r, 2 * r);
      }
    }
    if (round) brush.fill();
  }
}

function ring(i, r) {
  const [px, py] = onCanvas(axis("x")[i], axis("y")[i]);
  if (!Number.isFinite(px + py)) return;
  brush.beginPath();
  brush.arc(px, py, r, 0, 2 * Math.PI);
  brush.stroke();
}

/** Lines from a point to those that are truly nearest to it. */
function rays(i, w, h) {
  const [x, y] = [axis("x"), axis("y")];
  const [px, py] = onCanvas(x[i], y[i]);
  brush.lineWidth = 1;
  brush.setLineDash([4, 3]);
  for (let at = i * plot.near.k; at < (i + 1) * plot.near.k; at++) {
    const other = plot.near.of[at];
    const [ox, oy] = onCanvas(x[other], y[other]);
    if (!Number.isFinite(px + py + ox + oy)) continue;
    brush.beginPath();
    brush.moveTo(px, py);
    brush.lineTo(ox, oy);
    brush.stroke();
  }
  brush.setLineDash([]);
}

/** Most words at once: closer up there are fewer in view, and so more of them are written. */
const MOST_WORDS = 40;

/** Letters and words where they stand, the first on top; one that would lie on another is left out. */
function lettering(w, h) {
  const [ground, ink] = [palette().ground, palette().ink];
  const { x, y } = plot.planes[state.plane];
  const off = state.off[state.classing] ?? new Set();
  const lettered = plot.lettered === state.classing;
  brush.font = "bold 13px system-ui, 'DejaVu Sans', sans-serif";
  brush.textAlign = "center";
  brush.textBaseline = "middle";
  brush.lineJoin = "round";
  const taken = [];
  for (const { text, class: own, at } of plot.written) {
    if (lettered && off.has(own)) continue;
    const [px, py] = onCanvas(at[x], at[y]);
    const half = brush.measureText(text).width / 2 + 3;
    if (!(px > -half && py > -10 && px < w + half && py < h + 10)) continue;
    if (taken.some(([ox, oy, other]) => Math.abs(ox - px) < other + half && Math.abs(oy - py) < 16)) continue;
    taken.push([px, py, half]);
    if (taken.length > MOST_WORDS) break;
    brush.strokeStyle = ground;
    brush.lineWidth = 4;
    brush.strokeText(text, px, py);
    brush.fillStyle = ink;
    brush.fillText(text, px, py);
  }
  brush.strokeStyle = brush.fillStyle = ink;
}

let awaited = false;

/** Draws with the next frame of the screen, once for all that changed until then. */
function redraw() {
  if (awaited) return;
  awaited = true;
  requestAnimationFrame(() => {
    awaited = false;
    draw();
  });
}
