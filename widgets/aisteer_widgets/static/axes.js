// Axes that know their scale: linear, logarithmic, or separate values; and numbers that came as bytes.

const unpacked = new WeakMap();

// Numbers in single precision; nan where there is none.
function floats(packed) {
  if (!packed) return new Float32Array(0);
  if (!unpacked.has(packed)) {
    const view = packed.f4;
    unpacked.set(packed, new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength)));
  }
  return unpacked.get(packed);
}

// Places between `from` and `to` for values of an axis, and back.
function scaled(axis, from, to) {
  const bend = axis.log ? Math.log : (v) => v,
    back = axis.log ? Math.exp : (v) => v;
  const half = axis.cells ? 0.5 : 0;
  const low = bend(axis.low) - half,
    high = bend(axis.high) + half,
    span = high - low || 1;
  const at = (v) => from + ((bend(v) - low) / span) * (to - from);
  at.back = (place) => {
    const v = back(low + ((place - from) / (to - from || 1)) * span);
    return Math.min(axis.high, Math.max(axis.low, axis.cells ? Math.round(v) : v));
  };
  return at;
}

// What stands along an axis: [place in values, text].
function marksAlong(axis, most) {
  if (axis.ticks) {
    const every = Math.max(1, Math.ceil(axis.ticks.length / Math.max(1, most)));
    return axis.ticks.map((text, i) => [i, text]).filter(([i]) => i % every === 0);
  }
  const plainly = (all) => all.map((t) => [t, tickText(t, all)]);
  if (!axis.log) return plainly(ticks(axis.low, axis.high, most, axis.cells));
  const found = [];
  for (let power = Math.floor(Math.log10(axis.low)); power <= Math.ceil(Math.log10(axis.high)); power++)
    for (const m of Math.log10(axis.high / axis.low) > 3 ? [1] : [1, 2, 5]) found.push(m * 10 ** power);
  const inside = found.filter((t) => t >= axis.low * 0.999 && t <= axis.high * 1.001);
  const few = inside.filter((_, i) => i % Math.max(1, Math.ceil(inside.length / Math.max(1, most))) === 0);
  return few.map((t) => [t, plain(t)]);
}

// A frame whose axes may be of any scale; draw(X, Y, box) gives the marks.
function framed({ key, width, height, x, y, yLabel, label, draw, left, title }) {
  const yTicks = marksAlong(y, Math.max(2, Math.floor(height / 34)));
  const widest = Math.max(...yTicks.map(([, text]) => text.length), 1);
  const box = { l: left ?? Math.min(100, 12 + 6.6 * widest), r: 10, t: yLabel ? 20 : 8, b: 34 };
  const W = Math.max(width, 120),
    H = height;
  const X = scaled(x, box.l, W - box.r),
    Y = scaled(y, H - box.b, box.t);
  const xTicks = marksAlong(x, Math.max(2, Math.floor((W - box.l) / 62)));
  return h("svg", {
    key,
    class: "ais-plot",
    width: W,
    height: H,
    viewBox: `0 0 ${W} ${H}`,
    role: "img",
    "aria-label": label,
  },
    title ? h("title", {}, title) : null,
    yTicks.map(([t, text]) => [
      h("line", { class: "ais-grid", x1: box.l, x2: W - box.r, y1: Y(t), y2: Y(t) }),
      h("text", { class: "ais-tick", x: box.l - 6, y: Y(t) + 3.5, "text-anchor": "end" }, text),
    ]),
    xTicks.map(([t, text], i) =>
      h("text", {
        class: "ais-tick",
        x: X(t),
        y: H - box.b + 14,
        "text-anchor": i === xTicks.length - 1 && X(t) > W - box.r - 14 ? "end" : "middle",
      },
        text),
    ),
    h("line", { class: "ais-axis", x1: box.l, x2: W - box.r, y1: H - box.b, y2: H - box.b }),
    h("text", { class: "ais-axis-label", x: (box.l + W - box.r) / 2, y: H - 4, "text-anchor": "middle" }, x.label),
    yLabel ? h("text", { class: "ais-axis-label", x: 2, y: 11 }, yLabel) : null,
    draw(X, Y, { ...box, W, H }));
}

// --- marks ----------------------------------------------------------------------------------------

const SHAPES = { a: "ai", h: "human", z: "random", f: "flight", d: "elsewhere" };
const LETTERS = {
  a: "AI’s runs",
  h: "your runs",
  z: "random runs",
  f: "running, no outcome yet",
  d: "measured elsewhere",
  A: "AI’s proposals",
  H: "your proposals",
  Z: "random proposals",
};

function hollow(letter) {
  return letter !== letter.toLowerCase();
}

// One mark by its letter: filled where there is an outcome, hollow where there is none yet.
function letterMark(letter, x, y, size, props, title) {
  return mark(
    SHAPES[letter.toLowerCase()],
    x,
    y,
    size,
    { ...props, class: `${hollow(letter) ? "ais-hollow" : ""} ${props?.class || ""}` },
    title,
  );
}

// A legend of those letters that are there.
function legendOf(letters) {
  return Object.keys(LETTERS)
    .filter((l) => letters.includes(l))
    .map((l) => markKey(SHAPES[l.toLowerCase()], LETTERS[l], hollow(l) ? "ais-hollow" : ""));
}

// What is far from where the picture is taken is faint, the fainter the further; 0.05 of a range is near.
function nearness(off) {
  return off <= 0.05 ? 1 : Math.max(0.25, 0.5 - 0.6 * off).toFixed(2);
}

function pick(ctx, name) {
  return name[0] === "D" ? null : name[0] === "P" ? ctx.select(name) : ctx.select_run(name);
}
function chosen(ctx, name) {
  return name === ctx.ui.run || name === ctx.ui.selected ? "ais-chosen" : "";
}

// The stretches of values that are there, as [from, to): nothing is drawn where nothing was computed.
function stretches(values) {
  const found = [];
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) continue;
    if (found.length && found[found.length - 1][1] === i) found[found.length - 1][1] = i + 1;
    else found.push([i, i + 1]);
  }
  return found;
}

// What is between them.
function gaps(known, length) {
  const ends = [0, ...known.flat(), length];
  return ends.flatMap((from, i) => (i % 2 === 0 && ends[i + 1] > from ? [[from, ends[i + 1]]] : []));
}

// A curve with its band, hatched where nothing is known.
function bandOf(ctx, xs, low, mean, high, X, Y, b) {
  const known = stretches(mean);
  const part = (values, [from, to]) => [...values.slice(from, to)];
  return [
    known.length === 1 && known[0][1] - known[0][0] === xs.length
      ? null
      : [
          h("defs", {},
            h("pattern", {
              id: `${ctx.uid}-hatch`,
              width: 7,
              height: 7,
              patternUnits: "userSpaceOnUse",
              patternTransform: "rotate(45)",
            },
              h("line", { class: "ais-hatch", x1: 0, x2: 0, y1: 0, y2: 7 }))),
          gaps(known, xs.length).map(([from, to], i) => {
            // What is known ends at its last value, not half-way to the next place.
            const left = X(xs[Math.max(0, from - 1)]),
              right = X(xs[Math.min(xs.length - 1, to)]);
            return h("rect", {
              key: `gap-${i}`,
              class: "ais-unknown",
              x: left,
              width: Math.max(0, right - left),
              y: b.t,
              height: b.H - b.t - b.b,
              fill: `url(#${ctx.uid}-hatch)`,
            });
          }),
        ],
    h("path", {
      class: "ais-band",
      d: known
        .map(
          (s) =>
            `${path(part(xs, s), part(high, s), X, Y)}${path(part(xs, s).reverse(), part(low, s).reverse(), X, Y).replace("M", "L")}Z`,
        )
        .join(""),
    }),
    h("path", {
      class: "ais-mean",
      "data-curve": "mean",
      d: known.map((s) => path(part(xs, s), part(mean, s), X, Y)).join(""),
    }),
  ];
}

function whiskers(x, y, ex, ey, X, Y, b) {
  const inside = (v, low, high) => Math.min(high, Math.max(low, v));
  return [
    ex > 0
      ? h("line", {
          class: "ais-err",
          x1: inside(X(x - ex), b.l, b.W - b.r),
          x2: inside(X(x + ex), b.l, b.W - b.r),
          y1: Y(y),
          y2: Y(y),
        })
      : null,
    ey > 0
      ? h("line", {
          class: "ais-err",
          x1: X(x),
          x2: X(x),
          y1: inside(Y(y - ey), b.t, b.H - b.b),
          y2: inside(Y(y + ey), b.t, b.H - b.b),
        })
      : null,
  ];
}
