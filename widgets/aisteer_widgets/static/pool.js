// All candidates of a pool, the best predicted first, and where runs and proposals are among them.

function poolChart(ctx, c) {
  const height = 220,
    xs = floats(c.x),
    mean = floats(c.mean),
    low = floats(c.low),
    high = floats(c.high);
  const rx = floats(c.runs.x),
    ry = floats(c.runs.y),
    px = floats(c.proposals.x),
    py = floats(c.proposals.y);
  const [bottom, top] = extent([...low, ...high, ...ry]);
  return h("div", { key: "pool" },
    sized(ctx, "pool", height, (width) =>
      framed({
        key: "pool-plot",
        width,
        height,
        x: { low: 1, high: Math.max(2, c.size), label: c.x_label },
        y: { low: bottom, high: top },
        yLabel: c.y_label,
        label: `Belief over ${c.x_label}`,
        draw: (X, Y, b) => [
          bandOf(ctx, xs, low, mean, high, X, Y, b),
          c.runs.names.map((name, i) =>
            h("g", { key: name, class: `ais-point ${chosen(ctx, name)}`, onclick: () => pick(ctx, name) },
              letterMark(c.runs.letters[i], X(rx[i]), Y(ry[i]), 3.2, {}, `${name}: ${plain(ry[i])}`)),
          ),
          c.proposals.names.map((name, i) =>
            h("g", { key: name, class: `ais-point ${chosen(ctx, name)}`, onclick: () => pick(ctx, name) },
              letterMark(c.proposals.letters[i], X(px[i]), Y(py[i]), 4.4, {}, name)),
          ),
        ],
      }),
    ),
    h("div", { class: "ais-legend" },
      lineKey("ais-mean", "predicted mean of each candidate"),
      key(h("i", { class: "ais-swatch" }), "95 % band"),
      legendOf(c.runs.letters + c.proposals.letters)));
}
