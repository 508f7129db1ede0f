// Live curves of runs, and the best so far.

function livePanel(ctx) {
  const d = ctx.snap.live;
  if (!d) return null;
  const height = 190;
  return h("section", { key: "live", class: "ais-live", "aria-label": "Live observations" },
    h("h2", {},
      h("b", {}, d.title),
      h("span", {}, d.sub),
      h("span", { class: "ais-grow" }),
      d.curves.length
        ? saveControl(ctx, "live", {
            runs: d.curves.map((c) => c.run),
            series: d.curves.map((c) => ctx.colour(c.run) + 1),
            quantity: d.quantity,
            clock: d.clock,
            relative: d.relative,
          })
        : null,
      d.quantities.length > 1
        ? h("label", {},
            h("span", { class: "ais-hidden" }, "Quantity"),
            h("select", {
              class: "ais-select ais-small",
              value: d.quantity,
              onchange: (e) => ctx.wish({ quantity: e.target.value }),
            },
              d.quantities.map((q) => h("option", { value: q.name, selected: q.name === d.quantity }, q.label))))
        : null),
    savedLine(ctx, "live"),
    d.empty
      ? h("div", { class: "ais-empty ais-slim" }, d.empty)
      : sized(ctx, "live", height, (width) => livePlot(ctx, d, width, height)));
}

function livePlot(ctx, d, width, height) {
  const x = extent(
      d.curves.flatMap((c) => c.x),
      0,
    ),
    y = extent(d.curves.flatMap((c) => c.y));
  const some = d.curves.some((c) => c.run === ctx.ui.run);
  const label = `Live ${d.y_label}: ${d.curves.map((c) => `${c.run} ${c.latest}, ${c.length}`).join("; ")}`;
  const span = x[1] - x[0] || 1;
  return plot({
    key: "live-plot",
    width,
    height,
    x: [x[0], x[1] + span * 0.08],
    y,
    whole: d.curves.every((c) => c.x.every(Number.isInteger)),
    xLabel: d.x_label,
    yLabel: d.y_label,
    label,
    draw: (X, Y) => {
      const ends = spread(
        d.curves.map((c) => Y(c.y[c.y.length - 1])),
        12,
        16,
        height - 42,
      );
      return d.curves.map((c, i) => {
        const last = c.x.length - 1,
          faint = some && c.run !== ctx.ui.run;
        return h("g", { key: c.run, class: faint ? "ais-faint" : "", style: { color: `var(--c${ctx.colour(c.run)})` } },
          h("path", {
            class: "ais-curve",
            "data-run": c.run,
            "data-length": c.x.length,
            d: path(c.x, c.y, X, Y),
            "stroke-dasharray": DASHES[ctx.colour(c.run)],
            "stroke-width": c.run === ctx.ui.run ? 2.2 : 1.5,
          }),
          h("circle", { cx: X(c.x[last]), cy: Y(c.y[last]), r: 3, fill: "currentColor" },
            h("title", {}, `${c.run}: ${c.latest}, ${c.length}`)),
          h("text", { class: "ais-end", x: X(c.x[last]) + 7, y: ends[i] + 4, fill: "currentColor" }, c.run));
      });
    },
  });
}

// Labels at the ends of curves, moved apart so that none covers another.
function spread(places, gap, low, high) {
  const order = places.map((p, i) => [p, i]).sort((a, b) => a[0] - b[0]);
  for (let k = 1; k < order.length; k++) if (order[k][0] - order[k - 1][0] < gap) order[k][0] = order[k - 1][0] + gap;
  const over = order.length ? order[order.length - 1][0] - high : 0;
  if (over > 0)
    for (let k = order.length - 1; k >= 0; k--)
      order[k][0] = Math.min(order[k][0], high - (order.length - 1 - k) * gap);
  const found = [];
  for (const [p, i] of order) found[i] = Math.max(low, p);
  return found;
}

function convergencePanel(ctx) {
  const d = ctx.snap.convergence;
  if (!d) return null;
  const height = 210;
  return h("section", { key: "convergence", class: "ais-convergence", "aria-label": d.title || "Best so far" },
    h("h2", {},
      h("b", {}, d.title || "Best so far"),
      h("span", { class: "ais-grow" }),
      d.empty ? null : saveControl(ctx, "convergence", {}, d.title),
      d.sub ? h("span", { class: "ais-num ais-whole" }, d.sub) : null),
    savedLine(ctx, "convergence"),
    d.empty
      ? h("div", { class: "ais-empty ais-slim" }, d.empty)
      : [
          sized(ctx, "convergence", height, (width) => convergencePlot(ctx, d, width, height)),
          h("div", { class: "ais-legend" },
            d.arms.map((a) => lineKey(`ais-stair ais-arm-${a.name}`, d.names[a.name])),
            origins(d.points).map((o) => markKey(o, `${WHOSE[o]} runs${d.enlarged ? " that enlarged it" : ""}`)),
            struckKeys(d.points.map((p) => p.out)),
            Number.isFinite(d.goal) ? lineKey("ais-diagonal", "what is sought") : null,
            d.points.some((p) => p.e) ? h("span", {}, "bars: 95 %") : null),
          d.note ? h("p", { key: "note", class: "ais-note-line ais-dim ais-num" }, d.note) : null,
        ]);
}

function convergencePlot(ctx, d, width, height) {
  const xs = d.points.map((p) => p.x),
    ys = d.points.flatMap((p) => [p.y - p.e, p.y + p.e]);
  const x = [0, Math.max(2, ...xs, ...d.arms.map((a) => a.runs)) * 1.02 + 0.5],
    floor = d.enlarged ? [0] : [];
  const sought = Number.isFinite(d.goal) ? [d.goal] : [];
  return plot({
    key: "convergence-plot",
    width,
    height,
    x,
    y: extent([...ys, ...sought, ...floor]),
    whole: true,
    xLabel: d.x_label,
    yLabel: d.y_label,
    label: `${d.title}: ${d.sub}; ${d.arms.map((a) => `${a.name}, ${a.runs} runs`).join("; ")}`,
    draw: (X, Y) => [
      sought.map((v) =>
        h("line", { key: "sought", class: "ais-diagonal", x1: X(x[0]), x2: X(x[1]), y1: Y(v), y2: Y(v) }),
      ),
      d.points.map((p) =>
        h("g", {
          key: p.run,
          onclick: () => ctx.select_run(p.run),
          class: ctx.ui.run === p.run ? "ais-point ais-chosen" : "ais-point",
        },
          p.e ? h("line", { class: "ais-err", x1: X(p.x), x2: X(p.x), y1: Y(p.y - p.e), y2: Y(p.y + p.e) }) : null,
          mark(
            whose(p),
            X(p.x),
            Y(p.y),
            p.origin === "random" ? 2.6 : 3,
            { class: p.out ? "ais-hollow" : "" },
            p.title,
          ),
          p.out ? strike(X(p.x), Y(p.y)) : null),
      ),
      d.arms.map((a) => h("path", { key: a.name, class: `ais-stair ais-arm-${a.name}`, d: stair(a.steps, X, Y) })),
    ],
  });
}

function stair(steps, X, Y) {
  let d = "";
  steps.forEach(([x, y], i) => {
    d += i ? `H${X(x).toFixed(1)}V${Y(y).toFixed(1)}` : `M${X(x).toFixed(1)} ${Y(y).toFixed(1)}`;
  });
  return d;
}

// The shape of whoever thought of it: filled where there is an outcome, hollow where there is none yet.
function whose(p) {
  return ["human", "random"].includes(p.origin) ? p.origin : "ai";
}

const WHOSE = { ai: "AI’s", human: "your", random: "random" };

// Those of whom something is shown, for a legend.
function origins(points) {
  return Object.keys(WHOSE).filter((o) => points.some((p) => whose(p) === o));
}

// A run that does not count among the best: hollow, and struck through.
function strike(x, y) {
  return h("line", { class: "ais-strike", x1: x - 5, x2: x + 5, y1: y + 5, y2: y - 5 });
}
function struckKeys(why) {
  const words = [...new Set(why.filter(Boolean))].join(" or ");
  return words
    ? key(
        h("svg", { width: 14, height: 12, "aria-hidden": "true" },
          mark("ai", 7, 6, 4, { class: "ais-hollow" }),
          strike(7, 6)),
        words,
        { key: "struck" },
      )
    : null;
}

function key(picture, words, props) {
  return h("span", props || {}, picture, words);
}
function markKey(kind, words, look, style) {
  return key(
    h("svg", { width: 14, height: 12, "aria-hidden": "true", style }, mark(kind, 7, 6, 4, { class: look || "" })),
    words,
    { key: `${kind}-${words}` },
  );
}
function lineKey(line, words) {
  return key(
    h("svg", { width: 22, height: 12, "aria-hidden": "true" }, h("path", { class: line, d: "M1 6H21" })),
    words,
    { key: words },
  );
}
