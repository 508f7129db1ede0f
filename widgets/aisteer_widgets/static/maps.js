// The map: predicted mean and standard deviation side by side over two parameters.

function mapChart(ctx, c) {
  const one = (which, caption) =>
    h("figure", { key: which },
      sized(ctx, `map-${which}`, 230, (width) => mapOne(ctx, c, which, width, 230)),
      h("figcaption", {}, caption));
  const off = floats(c.marks.off);
  return h("div", { key: "map" },
    h("div", { class: "ais-maps" },
      one("mean", [h("b", {}, "Predicted"), ` ${c.z_label}`]),
      one("std", [h("b", {}, "Uncertainty"), ` (std${c.z_unit ? `, ${c.z_unit}` : ""})`])),
    h("div", {
      class: "ais-readout ais-num ais-dim",
      ref: (node) => {
        ctx.readout = node;
      },
    },
      "Click to place a candidate of your own."),
    h("div", { class: "ais-legend" },
      legendOf(c.marks.letters),
      own_at(ctx, c) ? markKey("human", "your candidate, not proposed yet", "ais-hollow ais-own-mark") : null,
      off.some((o) => o > 0.05) ? h("span", {}, c.far) : null,
      c.blank ? h("span", { class: "ais-blank" }, h("i", { class: "ais-swatch ais-swatch-blank" }), c.blank) : null));
}

// Where the candidate that is being typed stands on the map; nothing while it is nowhere on it.
function own_at(ctx, c) {
  const form = ctx.ui.form;
  if (form?.kind !== "own" || (form.task || ctx.snap.header?.task) !== ctx.snap.header?.task) return null;
  const place = (axis) => {
    const v = form.values?.[axis.name];
    if (!axis.ticks) return typeof v === "number" && v >= axis.low && v <= axis.high ? v : null;
    const field = ctx.snap.fields?.[ctx.snap.header?.task]?.fields.find((f) => f.name === axis.name);
    const i = field ? field.values.indexOf(v) : -1;
    return i < 0 ? null : i;
  };
  const x = place(c.x),
    y = place(c.y);
  return x === null || y === null ? null : { x, y };
}

function mapOne(ctx, c, which, width, height) {
  const field = floats(c[which]),
    [rows, columns] = c[which].shape;
  let low = Infinity,
    high = -Infinity;
  for (const v of field)
    if (Number.isFinite(v)) {
      if (v < low) low = v;
      if (v > high) high = v;
    }
  const yTicks = marksAlong(c.y, 5),
    widest = Math.max(...yTicks.map(([, t]) => t.length), 1);
  const side = ticks(low, high, 4).filter((t) => t >= low && t <= high);
  const beside = Math.max(...side.map((t) => tickText(t, side).length), 1);
  const box = { l: Math.min(86, 24 + 6.4 * widest), t: 12, b: 32, r: Math.max(58, 25 + 6.4 * beside) },
    W = Math.max(60, width - box.l - box.r),
    H = height - box.t - box.b;
  const X = scaled(c.x, box.l, box.l + W),
    Y = scaled(c.y, box.t + H, box.t);
  const raw = (axis, v) =>
    axis.ticks
      ? ctx.snap.fields?.[ctx.snap.header?.task]?.fields.find((f) => f.name === axis.name)?.values[v]
      : axis.cells
        ? v
        : Number(v.toPrecision(4));
  const under = (e) => {
    const r = e.currentTarget.getBoundingClientRect();
    return [X.back(box.l + ((e.clientX - r.left) / r.width) * W), Y.back(box.t + ((e.clientY - r.top) / r.height) * H)];
  };
  const place = (e) => {
    const [x, y] = under(e);
    ctx.place_own({ ...c.at, [c.x.name]: raw(c.x, x), [c.y.name]: raw(c.y, y) });
  };
  const read = (e) => {
    if (!ctx.readout) return;
    const [x, y] = under(e),
      node = (axis, v, n) => Math.round(scaled(axis, axis.cells ? -0.5 : 0, axis.cells ? n - 0.5 : n - 1)(v));
    const i = rows * columns ? node(c.y, y, rows) * columns + node(c.x, x, columns) : 0;
    const m = floats(c.mean)[i],
      s = floats(c.std)[i],
      say = (axis, v) => `${axis.label} ${axis.ticks ? axis.ticks[v] : plain(v)}`;
    ctx.readout.textContent = `${say(c.x, x)}, ${say(c.y, y)}: ${Number.isFinite(m) ? `mean ${plain(m)} ± ${plain(s)} (std)` : "nothing is predicted here"}. Click to place a candidate of your own.`;
  };
  const own = own_at(ctx, c),
    m = c.marks,
    mx = floats(m.x),
    my = floats(m.y),
    off = floats(m.off);
  const S = (v) => box.t + H - ((v - low) / (high - low || 1)) * H;
  return h("div", { class: "ais-map", style: { height: `${height}px` } },
    h("canvas", {
      width: Math.round(W * 1.5),
      height: Math.round(H * 1.5),
      style: { left: `${box.l}px`, top: `${box.t}px`, width: `${W}px`, height: `${H}px` },
      stamp: `${W}x${H}:${low}:${high}:${rows}:${ctx.stamp("belief")}`,
      draw: (n) => paintField(n, field, rows, columns, low, high, c.x.cells, c.y.cells),
    }),
    h("svg", {
      width,
      height,
      role: "img",
      "aria-label": `${which === "mean" ? "Predicted mean" : "Uncertainty"} of ${c.z_label} over ${c.x.label} and ${c.y.label}, from ${plain(low)} to ${plain(high)}${c.blank ? `; ${c.blank}` : ""}`,
    },
      marksAlong(c.x, Math.max(2, W / 60)).map(([t, text]) =>
        h("text", { class: "ais-tick", x: X(t), y: box.t + H + 14, "text-anchor": "middle" }, text),
      ),
      yTicks.map(([t, text]) =>
        h("text", { class: "ais-tick", x: box.l - 5, y: Y(t) + 3.5, "text-anchor": "end" }, text),
      ),
      h("text", { class: "ais-axis-label", x: box.l + W / 2, y: height - 4, "text-anchor": "middle" }, c.x.label),
      h("text", {
        class: "ais-axis-label",
        x: 9,
        y: box.t + H / 2,
        "text-anchor": "middle",
        transform: `rotate(-90 9 ${box.t + H / 2})`,
      },
        c.y.label),
      h("rect", { class: "ais-place", x: box.l, y: box.t, width: W, height: H, onclick: place, onmousemove: read }),
      c.regions.map((r, i) => {
        const [a, b] = [X(r.x[0]), X(r.x[1])],
          [u, v] = [Y(r.y[1]), Y(r.y[0])];
        return h("g", { key: `region-${i}` },
          h("rect", {
            class: `ais-region ais-region-${r.kind}`,
            x: a,
            y: u,
            width: Math.max(1, b - a),
            height: Math.max(1, v - u),
          }),
          h("text", { class: "ais-region-words", x: a + 4, y: u + 12 }, r.kind));
      }),
      m.names.map((name, i) =>
        letterMark(
          m.letters[i],
          X(mx[i]),
          Y(my[i]),
          hollow(m.letters[i]) ? 4.6 : 3.4,
          {
            key: name,
            class: `ais-on-map ${chosen(ctx, name)}`,
            style: { opacity: hollow(m.letters[i]) || m.letters[i] === "f" ? 1 : nearness(off[i]) },
            onclick: () => pick(ctx, name),
          },
          name,
        ),
      ),
      own
        ? h("g", { key: "own", class: "ais-own-at" },
            h("line", { class: "ais-cross", x1: box.l, x2: box.l + W, y1: Y(own.y), y2: Y(own.y) }),
            h("line", { class: "ais-cross", x1: X(own.x), x2: X(own.x), y1: box.t, y2: box.t + H }),
            mark(
              "human",
              X(own.x),
              Y(own.y),
              6.5,
              { class: "ais-on-map ais-hollow ais-own-mark" },
              "your candidate, not proposed yet",
            ))
        : null,
      Array.from({ length: 32 }, (_, i) =>
        h("rect", {
          x: box.l + W + 8,
          y: box.t + (H * i) / 32,
          width: 8,
          height: H / 32 + 0.6,
          fill: `rgb(${cividis(1 - i / 31).join(",")})`,
        }),
      ),
      side.map((t) => [
        h("line", { class: "ais-axis", x1: box.l + W + 16, x2: box.l + W + 19, y1: S(t), y2: S(t) }),
        h("text", { class: "ais-tick", x: box.l + W + 21, y: S(t) + 3.5 }, tickText(t, side)),
      ])));
}
