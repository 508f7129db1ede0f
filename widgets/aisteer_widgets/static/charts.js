// Charts in SVG, drawn at the size they have on the screen, so that text stays text-sized.

const CYCLE = 8; // --c0 … --c7 in the style sheet
const DASHES = ["", "6 3", "2 3", "8 3 2 3", "", "6 3", "2 3", "8 3 2 3"];

// Of whole numbers (steps, runs) there is no half.
function ticks(low, high, most, whole = false) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const raw = span / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999 && !(whole && s % 1)) || 1;
  const found = [];
  for (let t = Math.ceil(low / step) * step; t <= high + step * 1e-6; t += step)
    found.push(Math.abs(t) < step * 1e-6 ? 0 : t);
  return found.length < 2 && most < 8 && !(whole && span < 2) ? ticks(low, high, most + 1, whole) : found; // one alone says no scale
}

// Large and small numbers by one power of ten for the whole axis, with as many digits as tell its ticks apart.
function powerText(t, step, power) {
  if (!t) return "0";
  const small = Math.floor(Math.log10(step) + 1e-9),
    half = Math.abs(step / 10 ** small - Math.round(step / 10 ** small)) > 1e-6 ? 1 : 0;
  const digits = Math.min(9, Math.max(1, power - small + half));
  return `${(t / 10 ** power).toFixed(digits)}e${power}`.replaceAll("-", "−");
}

function tickText(t, all) {
  const step = all.length > 1 ? all[1] - all[0] : Math.abs(t) || 1;
  const size = Math.max(Math.abs(all[0]), Math.abs(all[all.length - 1]));
  if (size >= 1e6 || (size > 0 && size < 1e-3)) return powerText(t, step, Math.floor(Math.log10(size) + 1e-9));
  const decimals = Math.min(6, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  const more = Math.abs(step * 10 ** decimals - Math.round(step * 10 ** decimals)) > 1e-6 ? 1 : 0;
  return t
    .toLocaleString("en", { minimumFractionDigits: decimals + more, maximumFractionDigits: decimals + more })
    .replace("-", "−");
}

function extent(values, room = 0.06) {
  let low = Infinity,
    high = -Infinity;
  for (const v of values)
    if (Number.isFinite(v)) {
      if (v < low) low = v;
      if (v > high) high = v;
    }
  if (low === Infinity) return [0, 1];
  if (low === high) {
    const r = Math.abs(low) * 0.05 || 0.5;
    return [low - r, high + r];
  }
  const r = (high - low) * room;
  return [low - r, high + r];
}

// A frame with axes; draw(X, Y, box) gives the marks.
function plot({ key, width, height, x, y, whole, xLabel, yLabel, label, draw, onpick }) {
  const yTicks = ticks(y[0], y[1], Math.max(2, Math.floor(height / 30)));
  const widest = Math.max(...yTicks.map((t) => tickText(t, yTicks).length));
  const box = { l: Math.min(100, 12 + 6.6 * widest), r: 12, t: 20, b: 34 };
  const W = Math.max(width, 160),
    H = height;
  const X = (v) => box.l + ((v - x[0]) / (x[1] - x[0])) * (W - box.l - box.r);
  const Y = (v) => H - box.b - ((v - y[0]) / (y[1] - y[0])) * (H - box.t - box.b);
  const xTicks = ticks(x[0], x[1], Math.max(2, Math.floor((W - box.l) / 80)), whole);
  return h("svg", {
    key,
    class: "ais-plot",
    width: W,
    height: H,
    viewBox: `0 0 ${W} ${H}`,
    role: "img",
    "aria-label": label,
  },
    yTicks.map((t) => [
      h("line", { class: "ais-grid", x1: box.l, x2: W - box.r, y1: Y(t), y2: Y(t) }),
      h("text", { class: "ais-tick", x: box.l - 6, y: Y(t) + 3.5, "text-anchor": "end" }, tickText(t, yTicks)),
    ]),
    xTicks.map((t) =>
      h("text", { class: "ais-tick", x: X(t), y: H - box.b + 14, "text-anchor": "middle" }, tickText(t, xTicks)),
    ),
    h("line", { class: "ais-axis", x1: box.l, x2: W - box.r, y1: H - box.b, y2: H - box.b }),
    h("text", { class: "ais-axis-label", x: (box.l + W - box.r) / 2, y: H - 4, "text-anchor": "middle" }, xLabel),
    h("text", { class: "ais-axis-label", x: 2, y: 11 }, yLabel),
    draw(X, Y, { ...box, W, H }));
}

function path(xs, ys, X, Y) {
  let d = "";
  for (let i = 0; i < xs.length; i++) d += `${i ? "L" : "M"}${X(xs[i]).toFixed(1)} ${Y(ys[i]).toFixed(1)}`;
  return d;
}

// Shape says what colour says: circle run, square in flight, triangle AI, diamond human, cross random, fork branch.
function mark(kind, x, y, size, props, title) {
  const s = size;
  const t = title ? h("title", {}, title) : null;
  const at = { ...props, class: `ais-mark ais-mark-${kind} ${props?.class || ""}` };
  if (kind === "flight") return h("rect", { ...at, x: x - s, y: y - s, width: 2 * s, height: 2 * s }, t);
  if (kind === "ai")
    return h("path", { ...at, d: `M${x} ${y - s * 1.25}L${x + s * 1.2} ${y + s}L${x - s * 1.2} ${y + s}Z` }, t);
  if (kind === "human")
    return h("path", { ...at, d: `M${x} ${y - s * 1.3}L${x + s * 1.3} ${y}L${x} ${y + s * 1.3}L${x - s * 1.3} ${y}Z` },
      t);
  if (kind === "branch")
    return h("path", {
      ...at,
      d: `M${x} ${y + s * 1.3}V${y}M${x} ${y}L${x - s} ${y - s * 1.2}M${x} ${y}L${x + s} ${y - s * 1.2}`,
    },
      t);
  if (kind === "elsewhere")
    return h("path", { ...at, d: `M${x - s * 1.2} ${y}H${x + s * 1.2}M${x} ${y - s * 1.2}V${y + s * 1.2}` }, t);
  if (kind === "random")
    return h("path", { ...at, d: `M${x - s} ${y - s}L${x + s} ${y + s}M${x + s} ${y - s}L${x - s} ${y + s}` }, t);
  return h("circle", { ...at, cx: x, cy: y, r: s }, t);
}

// A chart whose width is that of its place: measured, and painted again when it changes.
function sized(ctx, key, height, make) {
  const width = ctx.ui.widths[key];
  return h("div", {
    key: `sized-${key}`,
    class: "ais-sized",
    style: { "min-height": `${height}px` },
    ref: (node) => ctx.measure(key, node),
  },
    width ? make(Math.floor(width)) : null);
}

function spark(points, tone) {
  if (points.length < 2) return null;
  const W = 96,
    H = 22;
  const x = extent(
      points.map((p) => p[0]),
      0,
    ),
    y = extent(
      points.map((p) => p[1]),
      0.1,
    );
  const X = (v) => 2 + ((v - x[0]) / (x[1] - x[0])) * (W - 6),
    Y = (v) => H - 2 - ((v - y[0]) / (y[1] - y[0])) * (H - 4);
  const last = points[points.length - 1];
  return h("svg", {
    class: `ais-spark ais-tone-${tone}`,
    width: W,
    height: H,
    viewBox: `0 0 ${W} ${H}`,
    "aria-hidden": "true",
  },
    h("path", {
      d: path(
        points.map((p) => p[0]),
        points.map((p) => p[1]),
        X,
        Y,
      ),
    }),
    h("circle", { cx: X(last[0]), cy: Y(last[1]), r: 2 }));
}

// A run's curve so far, and where it leads: room is left for what is still to come.
function soFar(c) {
  const W = 260,
    H = 84,
    e = c.end;
  const y = extent([
    ...c.points.map((p) => p[1]),
    ...(e ? [e.mean - e.half, e.mean + e.half, ...(e.best === null ? [] : [e.best])] : []),
  ]);
  const X = (v) => 4 + (v / c.length) * (W - 14),
    Y = (v) => H - 4 - ((v - y[0]) / (y[1] - y[0])) * (H - 8);
  return h("svg", {
    class: "ais-sofar",
    width: W,
    height: H,
    viewBox: `0 0 ${W} ${H}`,
    role: "img",
    "aria-label": c.label,
  },
    h("title", {},
      e ? `${c.label}; at the end its foreseen final value with the 95 % band; dashed: the best so far` : c.label),
    h("line", { class: "ais-axis", x1: 4, x2: W - 4, y1: H - 3, y2: H - 3 }),
    h("path", {
      d: path(
        c.points.map((p) => p[0]),
        c.points.map((p) => p[1]),
        X,
        Y,
      ),
    }),
    e && e.best !== null ? h("line", { class: "ais-best", x1: 4, x2: W - 4, y1: Y(e.best), y2: Y(e.best) }) : null,
    e
      ? h("line", {
          class: "ais-end",
          x1: X(c.length),
          x2: X(c.length),
          y1: Y(e.mean - e.half),
          y2: Y(e.mean + e.half),
        })
      : null,
    e ? h("circle", { class: "ais-dot", cx: X(c.length), cy: Y(e.mean), r: 3.5 }) : null);
}

function interval(e, W = 130) {
  const H = 18,
    X = (v) => 5 + ((v - e.low) / (e.high - e.low)) * (W - 10);
  return h("svg", { class: "ais-interval", width: W, height: H, viewBox: `0 0 ${W} ${H}`, "aria-hidden": "true" },
    h("title", {},
      e.best === null
        ? "predicted mean with its 95 % band"
        : "predicted mean with its 95 % band; dashed: the best so far"),
    h("line", { class: "ais-grid", x1: 2, x2: W - 2, y1: 9, y2: 9 }),
    h("rect", {
      class: "ais-band",
      x: X(e.mean - e.half),
      y: 4,
      width: Math.max(1, X(e.mean + e.half) - X(e.mean - e.half)),
      height: 10,
      rx: 3,
    }),
    h("circle", { class: "ais-dot", cx: X(e.mean), cy: 9, r: 4 }),
    e.best === null ? null : h("line", { class: "ais-best", x1: X(e.best), x2: X(e.best), y1: 1, y2: 17 }));
}

// Cividis, the map that everybody can read.
const CIVIDIS = [
  [0, 32, 77],
  [42, 63, 109],
  [87, 92, 109],
  [124, 123, 120],
  [166, 157, 117],
  [211, 193, 100],
  [255, 234, 70],
];
function cividis(t) {
  const s = Math.max(0, Math.min(0.9999, t)) * (CIVIDIS.length - 1),
    i = Math.floor(s),
    f = s - i;
  return CIVIDIS[i].map((v, k) => Math.round(v + (CIVIDIS[i + 1][k] - v) * f));
}

// `cells` of a direction are separate values, painted whole; else values are at the nodes of a grid and run into each other.
function paintField(canvas, field, rows, columns, low, high, cells_x, cells_y) {
  const small = document.createElement("canvas");
  small.width = columns;
  small.height = rows;
  const pen = small.getContext("2d"),
    image = pen.createImageData(columns, rows);
  for (let j = 0; j < rows; j++)
    for (let i = 0; i < columns; i++) {
      const v = field[j * columns + i];
      if (!Number.isFinite(v)) continue; // nothing is known there: the hatching behind the canvas shows
      const [r, g, b] = cividis((v - low) / (high - low || 1)),
        o = 4 * ((rows - 1 - j) * columns + i);
      image.data[o] = r;
      image.data[o + 1] = g;
      image.data[o + 2] = b;
      image.data[o + 3] = 255;
    }
  pen.putImageData(image, 0, 0);
  const big = canvas.getContext("2d");
  big.clearRect(0, 0, canvas.width, canvas.height);
  big.imageSmoothingEnabled = !cells_x && !cells_y;
  big.imageSmoothingQuality = "high";
  // Grid values are at the nodes: half a cell is cut on each side so that the edges are the bounds.
  const sx = columns > 1 && !cells_x ? 0.5 : 0,
    sy = rows > 1 && !cells_y ? 0.5 : 0;
  big.drawImage(small, sx, sy, columns - 2 * sx, rows - 2 * sy, 0, 0, canvas.width, canvas.height);
}
