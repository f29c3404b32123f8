// What the page was given, unpacked, and how numbers are written. Texts come from files that nobody vouches for: they
// only ever become text nodes.

const given = JSON.parse(document.getElementById("data").textContent);

const KINDS = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, f32: Float32Array, f64: Float64Array };

/** The numbers of {"f32": base64 of little-endian values}. */
function unpacked(packed) {
  const [[kind, text]] = Object.entries(packed);
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return new KINDS[kind](bytes.buffer);
}

const plot = {
  ...given,
  ids: unpacked(given.ids),
  faint: given.faint && { ...given.faint, of: unpacked(given.faint.of) },
  axes: given.axes.map((axis) => ({ ...axis, values: unpacked(axis.values) })),
  classings: given.classings.map((classing) => ({ ...classing, of: unpacked(classing.of) })),
  measures: given.measures.map((measure) => ({ ...measure, values: unpacked(measure.values) })),
  firing: given.firing && {
    ...given.firing,
    starts: unpacked(given.firing.starts),
    which: unpacked(given.firing.which),
    values: unpacked(given.firing.values),
  },
  near: given.near && { k: given.near.k, of: unpacked(given.near.of), cosines: unpacked(given.near.cosines) },
};
const count = plot.ids.length;

/** No class, in classings. */
const NONE = 0xffff;

/** What points can be coloured by: classes, then measures, then how strongly single features fire. */
const colourings = [
  ...plot.classings.map((classing) => ({ ...classing, kind: "classes" })),
  ...plot.measures.filter((measure) => measure.ramp).map((measure) => ({ ...measure.ramp, ...measure, kind: "ramp" })),
  ...(plot.firing ? plot.firing.features.map((feature, at) => ({ kind: "firing", at, name: `#${feature}` })) : []),
];

/** How strongly one feature fires on every point, with the ends of its ramp; NaN where it is silent. */
function fires(at) {
  const { starts, which, values } = plot.firing;
  const on = new Float32Array(count).fill(NaN);
  let [low, high, silent] = [Infinity, -Infinity, false];
  for (let i = 0; i < count; i++) {
    for (let j = starts[i]; j < starts[i + 1]; j++) if (which[j] === at) on[i] = values[j];
    if (Number.isNaN(on[i])) silent = true;
    else [low, high] = [Math.min(low, on[i]), Math.max(high, on[i])];
  }
  return { values: on, low: silent ? Math.min(low, 0) : low, high, log: false, round: false };
}

/** The step of a ramp, from 0, on which a value lies; none for what is not known. */
function stepOf(value, { low, high, log, round }, steps) {
  if (!Number.isFinite(value)) return -1;
  const scale = (x) => (log ? Math.log(Math.max(x, 2.2250738585072014e-308)) : x);
  const share = round
    ? 1 - Math.abs(value / Math.PI)
    : high > low ? (scale(value) - scale(low)) / (scale(high) - scale(low)) : 0.5;
  return Math.min(Math.max(Math.floor(share * steps), 0), steps - 1);
}

function written(value) {
  return Number.isFinite(value) ? String(Number(value.toPrecision(4))) : "none";
}

function percent(share) {
  if (share === 0) return "never";
  return `${Number((share * 100).toPrecision(share < 0.001 ? 2 : 3))} %`;
}

const thousands = (n) => n.toLocaleString("en-US");

/** Everything that is searched of a point, in lower case; made when it is first asked for. */
const haystack = (() => {
  let made = null;
  return () => {
    made ??= Array.from({ length: count }, (_, i) => {
      const parts = plot.texts.flatMap((text) => text.values[i] ?? []);
      if (plot.passages) parts.push(plot.passages[i][1]);
      return parts.join("\n").toLowerCase();
    });
    return made;
  };
})();

/** The points that hold every word of a query, in their order; a number finds its point first. */
function found(query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  const number = /^#?\d+$/.test(words[0]) && words.length === 1 ? Number(words[0].replace("#", "")) : -1;
  const hits = [];
  haystack().forEach((text, i) => {
    if (plot.ids[i] === number) hits.unshift(i);
    else if (words.every((word) => text.includes(word))) hits.push(i);
  });
  return hits;
}
