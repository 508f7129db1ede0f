// Slices through one point, a parameter at a time.

function slicesChart(ctx, c) {
  const height = 170,
    least = 230,
    letters = c.runs.letters;
  const all = sized(ctx, "slices", height, (width) => {
    const columns = Math.max(1, Math.min(c.panels.length, Math.floor(width / least))),
      each = Math.floor((width - 12 * (columns - 1)) / columns);
    return h("div", { class: "ais-slices", style: { "grid-template-columns": `repeat(${columns}, ${each}px)` } },
      c.panels.map((p) => slicePlot(ctx, c, p, each, height)));
  });
  const faint = c.panels.some((p) => floats(p.off).some((o) => o > 0.05)),
    blank = c.panels.find((p) => p.blank)?.blank;
  return h("div", { key: "slices" },
    h("div", { class: "ais-dim ais-plot-title" }, c.y_label),
    all,
    h("div", { class: "ais-legend" },
      lineKey("ais-mean", "predicted mean"),
      key(h("i", { class: "ais-swatch" }), "95 % band"),
      legendOf(letters),
      key(
        h("svg", { width: 8, height: 12, "aria-hidden": "true" },
          h("line", { class: "ais-cross", x1: 4, x2: 4, y1: 0, y2: 12 })),
        "the point that they go through",
      ),
      faint && c.far ? h("span", {}, c.far) : null,
      c.more ? h("span", {}, c.more) : null,
      blank ? h("span", { class: "ais-blank" }, h("i", { class: "ais-swatch ais-swatch-blank" }), blank) : null),
    h("div", { class: "ais-row" },
      button(
        "Propose this point…",
        () =>
          ctx.place_own(
            Object.fromEntries(
              (ctx.snap.belief.held?.fields || [])
                .filter((f) => f.value !== null)
                .map((f) => [f.name, ctx.place()[f.name] ?? f.value]),
            ),
          ),
        { small: true, blocked: ctx.gone() || ctx.snap.review?.blocked },
      )));
}

function slicePlot(ctx, c, p, width, height) {
  const xs = floats(p.x),
    mean = floats(p.mean),
    low = floats(p.low),
    high = floats(p.high);
  const rx = floats(p.runs),
    ry = floats(c.runs.y),
    re = floats(c.runs.e),
    off = floats(p.off);
  const room = 0.06 * (c.y[1] - c.y[0] || 1),
    y = { low: c.y[0] - room, high: c.y[1] + room };
  const order = [...off.keys()].sort((i, j) => off[j] - off[i]);
  return framed({
    key: p.axis.name,
    width,
    height,
    x: p.axis,
    y,
    label: `Belief along ${p.axis.label}${p.blank ? `; ${p.blank}` : ""}`,
    draw: (X, Y, b) => [
      p.here === null ? null : h("line", { class: "ais-cross", x1: X(p.here), x2: X(p.here), y1: b.t, y2: b.H - b.b }),
      p.axis.cells
        ? [...mean.keys()]
            .filter((i) => Number.isFinite(mean[i]))
            .map((i) => [
              h("line", { class: "ais-thick", x1: X(xs[i]), x2: X(xs[i]), y1: Y(low[i]), y2: Y(high[i]) }),
              h("line", {
                class: "ais-mean",
                "data-curve": "mean",
                x1: X(xs[i]) - 6,
                x2: X(xs[i]) + 6,
                y1: Y(mean[i]),
                y2: Y(mean[i]),
              }),
            ])
        : bandOf(ctx, xs, low, mean, high, X, Y, b),
      order
        .filter((i) => Number.isFinite(rx[i]))
        .map((i) =>
          h("g", {
            key: c.runs.names[i],
            class: `ais-point ${chosen(ctx, c.runs.names[i])}`,
            "data-off": off[i],
            style: { opacity: nearness(off[i]) },
            onclick: () => ctx.select_run(c.runs.names[i]),
          },
            whiskers(rx[i], ry[i], 0, re[i], X, Y, b),
            letterMark(c.runs.letters[i], X(rx[i]), Y(ry[i]), 2.8, {}, `${c.runs.names[i]}: ${plain(ry[i])}`)),
        ),
    ],
  });
}
