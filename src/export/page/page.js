// The page around the plot: cards, legend, search, keys and the pointer.

const byId = (id) => document.getElementById(id);
const [cardBox, pinnedBox, legendBox, statusBox] = ["card", "pinned", "legend", "status"].map(byId);
const [queryBox, colourBox, planeBox] = ["query", "colour", "plane"].map(byId);

/** An element with its children; strings become text. */
function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

/** A coloured box with the mark of a class, readable on its colour. */
function swatch(colour, mark) {
  const node = el("span", { class: "swatch" }, mark);
  node.style.backgroundColor = colour;
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  node.style.color = r * 299 + g * 587 + b * 114 > 128000 ? "#000000" : "#ffffff";
  return node;
}

function classColour(own) {
  const { hues, none } = palette();
  return own === NONE ? none : hues[own % hues.length];
}

/** The line of a card that tells the class of a point. */
function classLine(classing, i) {
  const own = classing.of[i];
  const known = own === NONE ? null : classing.classes[own];
  if (!known) return el("p", { class: "dim" }, classing.none);
  const name = known.name || known.mark;
  return el("p", {}, swatch(classColour(own), known.mark), el("span", { class: "text" }, name));
}

function measureLines(i) {
  const lines = plot.measures.flatMap(({ name, values, share }) => [
    el("dt", {}, name),
    el("dd", { title: String(values[i]) }, share && Number.isFinite(values[i]) ? percent(values[i]) : written(values[i])),
  ]);
  return lines.length ? el("dl", {}, lines) : null;
}

/** The features of the group that fire on a point, strongest first. */
function firingLines(i) {
  if (!plot.firing) return null;
  const { starts, which, values, features, names } = plot.firing;
  const on = Array.from({ length: starts[i + 1] - starts[i] }, (_, at) => [which[starts[i] + at], values[starts[i] + at]]);
  on.sort((a, b) => b[1] - a[1]);
  const most = on[0]?.[1] ?? 1;
  return el("dl", {}, on.flatMap(([feature, value]) => {
    const bar = el("span", { class: "bar" });
    bar.style.width = `${(Math.max(value, 0) / most) * 3}em`;
    return [el("dt", {}, `#${features[feature]}`), el("dd", { title: String(value) }, bar, written(value), " ", names[feature])];
  }));
}

/** The points that are truly nearest, as buttons that lead to them. */
function nearLines(i) {
  if (!plot.near) return null;
  const { k, of, cosines } = plot.near;
  const items = Array.from({ length: k }, (_, at) => {
    const other = of[i * k + at];
    const about = plot.texts.map((text) => text.values[other]).find(Boolean) ?? "";
    const button = el("button", { type: "button" }, el("span", { class: "number" }, `#${plot.ids[other]}`),
      ` ${cosines[i * k + at].toFixed(2)} `, el("span", { class: "text" }, [about].flat().join("  ")));
    button.addEventListener("click", () => pin(other));
    return el("li", {}, button);
  });
  return el("div", {}, el("p", { class: "dim" }, "nearest by decoder cosine, wherever they lie on the map"), el("ol", { class: "near" }, items));
}

/** All that is known of a point. */
function card(i, whole) {
  const parts = [el("p", {}, el("span", { class: "number" }, `${plot.hash}${plot.ids[i]}`),
    plot.marked.includes(i) ? el("span", { class: "dim" }, "  marked") : null,
    plot.faint?.of[i] ? el("span", { class: "dim" }, `  ${plot.faint.why}`) : null)];
  if (plot.passages) {
    const [before, own, after] = plot.passages[i];
    parts.push(el("p", { class: "text" }, before, el("mark", {}, own), after));
  }
  for (const { name, values } of plot.texts) {
    const value = values[i];
    if (Array.isArray(value) && value.length) {
      parts.push(el("p", { title: name }, value.map((token) => el("span", { class: "token" }, token))));
    } else if (value && !Array.isArray(value)) {
      parts.push(el("p", { class: "label", title: name }, value));
    }
  }
  parts.push(plot.classings.map((classing) => classLine(classing, i)), measureLines(i), firingLines(i));
  if (whole) parts.push(nearLines(i));
  return parts.flat().filter(Boolean);
}

function hover(i, px, py) {
  state.hover = i;
  cardBox.hidden = i < 0 || i === state.pinned;
  if (i >= 0 && !cardBox.hidden) {
    cardBox.replaceChildren(...card(i, false));
    // On the side of the pointer where there is room.
    const right = px > width() / 2, low = py > height() / 2;
    cardBox.style.left = right ? "auto" : `${px + 16}px`;
    cardBox.style.right = right ? `${width() - px + 16}px` : "auto";
    cardBox.style.top = low ? "auto" : `${py + 12}px`;
    cardBox.style.bottom = low ? `${height() - py + 12}px` : "auto";
  }
  redraw();
}

function pin(i) {
  state.pinned = i;
  pinnedBox.hidden = i < 0;
  cardBox.hidden = true;
  if (i >= 0) {
    const off = el("button", { type: "button", class: "off", "aria-label": "Take the card off", title: "Esc" }, "×");
    off.addEventListener("click", () => pin(-1));
    pinnedBox.replaceChildren(off, ...card(i, true));
    reveal(i);
  } else {
    pinnedBox.replaceChildren();
  }
  redraw();
}

function tell() {
  const shown = visible.reduce((sum, on) => sum + on, 0);
  const parts = [`${thousands(shown)} of ${thousands(count)} ${plot.many} shown`];
  if (plot.faint) parts.push(`faint: ${plot.faint.why}`);
  if (plot.marked.length) parts.push(`${thousands(plot.marked.length)} marked`);
  if (queryBox.value.trim()) parts.push(`${thousands(state.hits.length)} match`);
  statusBox.textContent = parts.join(" · ");
}

function search() {
  state.hits = found(queryBox.value);
  state.hit = -1;
  tell();
  redraw();
}

/** Goes to the next hit, or to the next of all points where nothing is searched. */
function step(by) {
  const all = queryBox.value.trim() ? state.hits : Array.from(visible.keys()).filter((i) => visible[i]);
  if (all.length === 0) return;
  state.hit = state.hit < 0 && by < 0 ? all.length - 1 : (state.hit + by + all.length) % all.length;
  pin(all[state.hit]);
}

function legend() {
  const parts = [];
  const colouring = colourings[state.colour];
  if (ramp) {
    const { steps } = palette();
    const step = (colour) => {
      const node = el("span", { class: "step" });
      node.style.backgroundColor = colour;
      return node;
    };
    const ends = ramp.round ? ["−π, π", "0"] : [ramp.low, ramp.high].map(colouring.share ? percent : written);
    parts.push(el("h2", {}, colouring.name + (ramp.log ? ", log scale" : "")));
    parts.push(el("div", { class: "ramp" }, ends[0], el("span", { class: "ramp" }, steps.map(step)), ends[1]));
    parts.push(el("p", { class: "dim" }, swatch(palette().none, " "), colouring.kind === "firing" ? "silent" : "not known"));
  }
  const classing = plot.classings[state.classing];
  if (classing) {
    const off = state.off[state.classing];
    const sizes = new Uint32Array(classing.classes.length + 1);
    for (let i = 0; i < count; i++) sizes[classing.of[i] === NONE ? classing.classes.length : classing.of[i]]++;
    const rows = [...classing.classes.map((known, own) => [own, known.mark, known.name, sizes[own]]),
      [NONE, "·", classing.none, sizes[classing.classes.length]]].filter(([, , , size]) => size > 0);
    const entry = ([own, mark, name, size]) => {
      const colour = colouring?.kind === "classes" ? classColour(own) : palette().plain;
      const button = el("button", { type: "button", "aria-pressed": String(!off.has(own)), "data-class": String(own) },
        swatch(colour, mark), el("span", { class: "name" }, name), el("span", { class: "size" }, thousands(size)));
      button.addEventListener("click", (event) => {
        if (event.shiftKey) {
          off.clear();
          for (const [other] of rows) if (other !== own) off.add(other);
        } else if (!off.delete(own)) {
          off.add(own);
        }
        changed();
      });
      return button;
    };
    const every = (label, on) => {
      const button = el("button", { type: "button" }, label);
      button.addEventListener("click", () => {
        off.clear();
        if (!on) for (const [own] of rows) off.add(own);
        changed();
      });
      return button;
    };
    const many = classing.classes.length === 1 ? classing.name : `${classing.name}s`;
    parts.push(el("h2", {}, `${thousands(classing.classes.length)} ${many}`));
    parts.push(el("p", { class: "dim" }, "a click switches off or on, Shift shows one alone ", every("all", true), " ", every("none", false)));
    parts.push(el("div", { class: "classes" }, rows.map(entry)));
  }
  const scrolled = legendBox.querySelector(".classes")?.scrollTop ?? 0;
  const focused = document.activeElement?.dataset?.class;
  legendBox.replaceChildren(...parts);
  const list = legendBox.querySelector(".classes");
  if (list) list.scrollTop = scrolled;
  if (focused !== undefined) list?.querySelector(`[data-class="${focused}"]`)?.focus();
}

/** Colours or switches changed: everything that follows from them. */
function changed() {
  remake();
  legend();
  tell();
  if (state.hover >= 0 && !asked[state.hover]) hover(-1);
  redraw();
}

function colourBy(which) {
  state.colour = (which + colourings.length) % colourings.length;
  if (state.colour < plot.classings.length) state.classing = state.colour;
  colourBox.value = String(state.colour);
  changed();
}

function show(plane) {
  state.plane = (plane + plot.planes.length) % plot.planes.length;
  planeBox.value = String(state.plane);
  hover(-1);
  square();
  fit();
  redraw();
}

function write(on) {
  state.words = on;
  byId("words").setAttribute("aria-pressed", String(on));
  redraw();
}

/** Where the pointer went down and what it has done since. */
let press = null;

const place = (event) => {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};

canvas.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  const [x, y] = place(event);
  press = { x, y, moved: false };
  if (event.isTrusted) canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", (event) => {
  const [x, y] = place(event);
  if (!press) return hover(nearest(x, y), x, y);
  if (press.moved || Math.hypot(x - press.x, y - press.y) > 4) {
    pan(x - press.x, y - press.y);
    press = { x, y, moved: true };
    hover(-1);
  }
});
canvas.addEventListener("pointerup", (event) => {
  const [x, y] = place(event);
  if (press && !press.moved) pin(nearest(x, y));
  press = null;
});
canvas.addEventListener("pointercancel", () => (press = null));
canvas.addEventListener("pointerleave", () => hover(-1));
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  // A line is about sixteen pixels, a page about the height of the plot.
  const delta = event.deltaY * [1, 16, height()][event.deltaMode];
  zoom(Math.exp(-Math.max(Math.min(delta, 400), -400) * 0.002), ...place(event));
  redraw();
}, { passive: false });
canvas.addEventListener("dblclick", () => {
  fit();
  redraw();
});

const KEYS = {
  ArrowLeft: () => pan(60, 0), h: () => pan(60, 0),
  ArrowRight: () => pan(-60, 0), l: () => pan(-60, 0),
  ArrowUp: () => pan(0, 60), k: () => pan(0, 60),
  ArrowDown: () => pan(0, -60), j: () => pan(0, -60),
  "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), _: () => zoom(1 / 1.5),
  0: fit,
  n: () => step(1), N: () => step(-1),
  o: () => colourBy(state.colour + 1), O: () => colourBy(state.colour - 1),
  p: () => show(state.plane + 1),
  w: () => write(!state.words),
  "/": () => queryBox.focus(),
  Enter: () => state.hover >= 0 && pin(state.hover),
  Escape: () => {
    if (state.pinned >= 0) return pin(-1);
    queryBox.value = "";
    search();
  },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
  const here = event.target;
  if (here === queryBox) {
    if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") {
      queryBox.value = "";
      search();
      canvas.focus();
    } else return;
  } else if (here.closest?.("select, input") || (here.closest?.("button, summary") && event.key === "Enter")) {
    return;
  } else {
    KEYS[event.key]();
  }
  event.preventDefault();
  redraw();
});

queryBox.addEventListener("input", search);
colourBox.addEventListener("change", () => colourBy(Number(colourBox.value)));
planeBox.addEventListener("change", () => show(Number(planeBox.value)));
byId("closer").addEventListener("click", () => { zoom(1.5); redraw(); });
byId("farther").addEventListener("click", () => { zoom(1 / 1.5); redraw(); });
byId("fit").addEventListener("click", () => { fit(); redraw(); });
byId("words").addEventListener("click", () => write(!state.words));
dark.addEventListener("change", changed);
new ResizeObserver(() => {
  if (!moved) fit();
  redraw();
}).observe(canvas);

colourings.forEach(({ name }, at) => colourBox.append(el("option", { value: String(at) }, name)));
plot.planes.forEach(({ name }, at) => planeBox.append(el("option", { value: String(at) }, name)));
byId("planes").hidden = plot.planes.length < 2;
byId("colour").parentElement.hidden = colourings.length === 0;
byId("words").hidden = plot.written.length === 0;
queryBox.value = plot.query;
colourBy(Math.min(plot.colour, Math.max(colourings.length - 1, 0)));
show(plot.plane);
search();
if (plot.selected !== null) pin(plot.selected);
