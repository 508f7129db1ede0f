function livePanel(ctx) {
  const d = ctx.snap.live;
  if (!d) return null;
  const height = 190;
  return h("section", { key: "live", class: "ais-live", "aria-label": "Live observations" },
    h("h2", {}, h("b", {}, d.title), h("span", {}, d.sub), h("span", { class: "ais-grow" }), d.curves.length ? saveControl(ctx, "live", { runs: d.curves.map((c) => c.run), quantity: d.quantity, clock: d.clock, relative: d.relative }) : null,
      d.quantities.length > 1 ? h("label", {}, h("span", { class: "ais-hidden" }, "Quantity"), h("select", { class: "ais-select ais-small", value: d.quantity, onchange: (e) => ctx.wish({ quantity: e.target.value }) },
        d.quantities.map((q) => h("option", { value: q.name, selected: q.name === d.quantity }, q.label)))) : null),
    savedLine(ctx, "live"),
    d.empty ? h("div", { class: "ais-empty ais-slim" }, d.empty) : sized(ctx, "live", height, (width) => livePlot(ctx, d, width, height)));
}

function livePlot(ctx, d, width, height) {
  const x = extent(d.curves.flatMap((c) => c.x), 0), y = extent(d.curves.flatMap((c) => c.y));
  const some = d.curves.some((c) => c.run === ctx.ui.run);
  const label = `Live ${d.y_label}: ${d.curves.map((c) => `${c.run} ${c.latest}, ${c.length}`).join("; ")}`;
  const span = x[1] - x[0] || 1;
  return plot({ key: "live-plot", width, height, x: [x[0], x[1] + span * 0.08], y, whole: d.curves.every((c) => c.x.every(Number.isInteger)), xLabel: d.x_label, yLabel: d.y_label, label, draw: (X, Y) => {
    const ends = spread(d.curves.map((c) => Y(c.y[c.y.length - 1])), 12, 16, height - 42);
    return d.curves.map((c, i) => {
      const last = c.x.length - 1, faint = some && c.run !== ctx.ui.run;
      return h("g", { key: c.run, class: faint ? "ais-faint" : "", style: { color: `var(--c${ctx.colour(c.run)})` } },
        h("path", { class: "ais-curve", "data-run": c.run, "data-length": c.x.length, d: path(c.x, c.y, X, Y), "stroke-dasharray": DASHES[ctx.colour(c.run)], "stroke-width": c.run === ctx.ui.run ? 2.2 : 1.5 }),
        h("circle", { cx: X(c.x[last]), cy: Y(c.y[last]), r: 3, fill: "currentColor" }, h("title", {}, `${c.run}: ${c.latest}, ${c.length}`)),
        h("text", { class: "ais-end", x: X(c.x[last]) + 7, y: ends[i] + 4, fill: "currentColor" }, c.run));
    });
  } });
}

// Labels at the ends of curves, moved apart so that none covers another.
function spread(places, gap, low, high) {
  const order = places.map((p, i) => [p, i]).sort((a, b) => a[0] - b[0]);
  for (let k = 1; k < order.length; k++) if (order[k][0] - order[k - 1][0] < gap) order[k][0] = order[k - 1][0] + gap;
  const over = order.length ? order[order.length - 1][0] - high : 0;
  if (over > 0) for (let k = order.length - 1; k >= 0; k--) order[k][0] = Math.min(order[k][0], high - (order.length - 1 - k) * gap);
  const found = [];
  for (const [p, i] of order) found[i] = Math.max(low, p);
  return found;
}

function convergencePanel(ctx) {
  const d = ctx.snap.convergence;
  if (!d) return null;
  const height = 210;
  return h("section", { key: "convergence", class: "ais-convergence", "aria-label": "Best so far" },
    h("h2", {}, h("b", {}, "Best so far"), h("span", { class: "ais-grow" }), d.empty ? null : saveControl(ctx, "convergence", {}), d.sub ? h("span", { class: "ais-num ais-whole" }, d.sub) : null),
    savedLine(ctx, "convergence"),
    d.empty ? h("div", { class: "ais-empty ais-slim" }, d.empty) : [
      sized(ctx, "convergence", height, (width) => convergencePlot(ctx, d, width, height)),
      h("div", { class: "ais-legend" }, d.arms.map((a) => lineKey(`ais-stair ais-arm-${a.name}`, a.name === "random" ? "best of the random arm" : "best so far")),
        origins(d.points).map((o) => markKey(o, `${WHOSE[o]} runs`)))]);
}

function convergencePlot(ctx, d, width, height) {
  const xs = d.points.map((p) => p.x), ys = d.points.flatMap((p) => [p.y - p.e, p.y + p.e]);
  const x = [0, Math.max(2, ...xs) * 1.02 + 0.5];
  return plot({ key: "convergence-plot", width, height, x, y: extent(ys), whole: true, xLabel: d.x_label, yLabel: d.y_label,
    label: `Best so far: ${d.sub}; ${d.arms.map((a) => `${a.name}, ${a.runs} runs`).join("; ")}`,
    draw: (X, Y) => [
      d.points.map((p) => h("g", { key: p.run, onclick: () => ctx.select_run(p.run), class: ctx.ui.run === p.run ? "ais-point ais-chosen" : "ais-point" },
        p.e ? h("line", { class: "ais-err", x1: X(p.x), x2: X(p.x), y1: Y(p.y - p.e), y2: Y(p.y + p.e) }) : null,
        mark(whose(p), X(p.x), Y(p.y), p.origin === "random" ? 2.6 : 3, {}, p.title))),
      d.arms.map((a) => h("path", { key: a.name, class: `ais-stair ais-arm-${a.name}`, d: stair(a.steps, X, Y) })),
    ] });
}

function stair(steps, X, Y) {
  let d = "";
  steps.forEach(([x, y], i) => { d += i ? `H${X(x).toFixed(1)}V${Y(y).toFixed(1)}` : `M${X(x).toFixed(1)} ${Y(y).toFixed(1)}`; });
  return d;
}

function beliefPanel(ctx) {
  const d = ctx.snap.belief;
  if (!d) return null;
  return h("section", { key: "belief", class: "ais-belief", "aria-label": "What the surrogate believes" },
    h("h2", {}, h("b", {}, "What the surrogate believes"), h("span", { class: "ais-num" }, d.sub), h("span", { class: "ais-grow" }),
      d.views.length > 1 ? h("div", { class: "ais-chips", role: "group", "aria-label": "View" }, d.views.map((v) => h("button", {
        type: "button", key: v.name, class: d.view === v.name ? "ais-chip ais-on" : "ais-chip", "aria-pressed": d.view === v.name ? "true" : "false",
        onclick: () => ctx.wish({ belief: v.name }) }, v.label))) : null, d.chart ? saveControl(ctx, "belief", { view: d.view }) : null),
    savedLine(ctx, "belief"),
    d.chart ? beliefChart(ctx, d.chart) : h("div", { class: "ais-empty ais-slim" }, d.empty));
}

function beliefChart(ctx, c) {
  if (c.kind === "map") return mapChart(ctx, c);
  const height = 210;
  const draw = c.kind === "slice" ? slicePlot : predictedPlot;
  return h("div", { key: c.kind }, sized(ctx, `belief-${c.kind}`, height, (width) => draw(ctx, c, width, height)),
    c.kind === "slice" ? h("div", { class: "ais-legend" }, lineKey("ais-mean", c.note), key(h("i", { class: "ais-swatch" }), "95 % band"),
      origins(c.points).map((o) => markKey(o, `${WHOSE[o]} runs${c.near ? ` ${c.near}` : ""}`)),
      c.far ? markKey(origins(c.points.filter((p) => p.off > 0.05))[0] || "ai", c.far, "", { opacity: "0.35" }) : null,
      origins(c.marks).map((o) => markKey(o, `${WHOSE[o]} proposals`, "ais-hollow")),
      c.blank ? h("span", { class: "ais-blank" }, h("i", { class: "ais-swatch ais-swatch-blank" }), c.blank) : null)
      : h("div", { class: "ais-legend" }, lineKey("ais-diagonal", "as predicted"), markKey("run", "in its 90 % interval"), markKey("run", "outside", "ais-out")));
}

function predictedPlot(ctx, c, width, height) {
  const all = c.points.flatMap((p) => [p.x, p.y]);
  const both = extent(all, 0.1);
  return plot({ key: "predicted", width, height, x: both, y: both, xLabel: c.x_label, yLabel: c.y_label, label: `Predicted against measured, ${c.points.length} runs`,
    draw: (X, Y, b) => [
      h("line", { class: "ais-diagonal", x1: X(both[0]), y1: Y(both[0]), x2: X(both[1]), y2: Y(both[1]) }),
      c.points.map((p) => h("g", { key: p.run, class: ctx.ui.run === p.run ? "ais-point ais-chosen" : "ais-point", onclick: () => ctx.select_run(p.run) },
        h("line", { class: "ais-err", x1: Math.max(b.l, X(p.x - p.ex)), x2: Math.min(b.W - b.r, X(p.x + p.ex)), y1: Y(p.y), y2: Y(p.y) }),
        mark("run", X(p.x), Y(p.y), 3.2, { class: p.inside ? "" : "ais-out" }, p.title))),
    ] });
}

function slicePlot(ctx, c, width, height) {
  const y = extent([...c.low, ...c.high].filter((v) => v !== null).concat([...c.points.map((p) => p.y), ...c.marks.map((m) => m.y)]));
  const x = extent(c.x, 0.02);
  return plot({ key: "slice", width, height, x, y, xLabel: c.x_label, yLabel: c.y_label, label: `Belief along ${c.x_label}${c.blank ? `; ${c.blank}` : ""}`,
    draw: (X, Y, b) => {
      const known = stretches(c.mean);
      const bands = known.map(([from, to]) => {
        const x = c.x.slice(from, to);
        return `${path(x, c.high.slice(from, to), X, Y)}${path([...x].reverse(), c.low.slice(from, to).reverse(), X, Y).replace("M", "L")}Z`;
      });
      return [
        gaps(known, c.x.length).map(([from, to], i) => {
          // What is known ends at its last value, not half-way to the next place.
          const left = X(c.x[Math.max(0, from - 1)]), right = X(c.x[Math.min(c.x.length - 1, to)]);
          return h("rect", { key: `gap-${i}`, class: "ais-unknown", x: left, width: Math.max(0, right - left), y: b.t, height: b.H - b.t - b.b, fill: `url(#${ctx.uid}-hatch)` });
        }),
        known.length && known[0][1] - known[0][0] === c.x.length ? null : h("defs", {}, h("pattern", { id: `${ctx.uid}-hatch`, width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, h("line", { class: "ais-hatch", x1: 0, x2: 0, y1: 0, y2: 7 }))),
        h("path", { class: "ais-band", d: bands.join("") }),
        h("path", { class: "ais-mean", "data-curve": "mean", d: known.map(([from, to]) => path(c.x.slice(from, to), c.mean.slice(from, to), X, Y)).join("") }),
        [...c.points].sort((p, q) => q.off - p.off).map((p) => h("g", { key: p.run, class: ctx.ui.run === p.run ? "ais-point ais-chosen" : "ais-point", "data-off": p.off, style: { opacity: nearness(p.off) }, onclick: () => ctx.select_run(p.run) }, mark(whose(p), X(p.x), Y(p.y), 3.2, {}, `${p.run}: ${plain(p.y)}`))),
        c.marks.map((m) => h("g", { key: m.name, class: ctx.ui.selected === m.name ? "ais-point ais-chosen" : "ais-point", onclick: () => ctx.select(m.name) }, mark(m.origin, X(m.x), Y(m.y), 4.4, { class: "ais-hollow" }, m.name)))];
    } });
}

// A run off the slice is faint, the fainter the further; 0.05 of the range is on it.
function nearness(off) { return off <= 0.05 ? 1 : Math.max(0.25, 0.5 - 0.6 * off).toFixed(2); }

// The shape of whoever thought of it: filled where there is an outcome, hollow where there is none yet.
function whose(p) { return ["human", "random"].includes(p.origin) ? p.origin : "ai"; }

const WHOSE = { ai: "AI’s", human: "your", random: "random" };

// Those of whom something is shown, for a legend.
function origins(points) { return Object.keys(WHOSE).filter((o) => points.some((p) => whose(p) === o)); }

function key(picture, words, props) { return h("span", props || {}, picture, words); }
function markKey(kind, words, look, style) { return key(h("svg", { width: 14, height: 12, "aria-hidden": "true", style }, mark(kind, 7, 6, 4, { class: look || "" })), words, { key: `${kind}-${words}` }); }
function lineKey(line, words) { return key(h("svg", { width: 22, height: 12, "aria-hidden": "true" }, h("path", { class: line, d: "M1 6H21" })), words, { key: words }); }

// The stretches of values that are there, as [from, to): nothing is drawn where nothing was computed.
function stretches(values) {
  const found = [];
  values.forEach((v, i) => {
    if (v === null) return;
    if (found.length && found[found.length - 1][1] === i) found[found.length - 1][1] = i + 1;
    else found.push([i, i + 1]);
  });
  return found;
}

// What is between them.
function gaps(known, length) {
  const ends = [0, ...known.flat(), length];
  return ends.flatMap((from, i) => (i % 2 === 0 && ends[i + 1] > from ? [[from, ends[i + 1]]] : []));
}

function mapChart(ctx, c) {
  const one = (which, caption) => h("figure", { key: which }, sized(ctx, `map-${which}`, 200, (width) => mapOne(ctx, c, which, width, 200)), h("figcaption", {}, caption));
  return h("div", { key: "map" }, h("div", { class: "ais-maps" },
    one("mean", [h("b", {}, "Mean"), ` ${c.z_label}`]), one("std", [h("b", {}, "Uncertainty"), ` (std${c.z_unit ? `, ${c.z_unit}` : ""}); click to place your own`])),
    c.blank ? h("div", { class: "ais-legend ais-blank" }, h("span", {}, h("i", { class: "ais-swatch ais-swatch-blank" }), c.blank)) : null,
    h("div", { class: "ais-legend" }, origins(c.marks.filter((m) => m.kind === "run")).map((o) => markKey(o, `${WHOSE[o]} runs`)),
      c.marks.some((m) => m.kind === "flight") ? markKey("flight", "running") : null,
      origins(c.marks.filter((m) => m.kind === "proposal")).map((o) => markKey(o, `${WHOSE[o]} proposals`, "ais-hollow"))));
}

function mapOne(ctx, c, which, width, height) {
  const field = c[which];
  let low = Infinity, high = -Infinity;
  for (const row of field) for (const v of row) if (v !== null) { if (v < low) low = v; if (v > high) high = v; }
  const x = [c.x[0], c.x[c.x.length - 1]], y = [c.y[0], c.y[c.y.length - 1]];
  const box = { l: 38, t: 4, b: 32, r: 54 }, W = width - box.l - box.r, H = height - box.t - box.b;
  const X = (v) => box.l + ((v - x[0]) / (x[1] - x[0])) * W, Y = (v) => box.t + H - ((v - y[0]) / (y[1] - y[0])) * H;
  const place = (e) => {
    const r = e.currentTarget.getBoundingClientRect();
    const u = (e.clientX - r.left) / r.width, v = 1 - (e.clientY - r.top) / r.height;
    const at = [x[0] + u * (x[1] - x[0]), y[0] + v * (y[1] - y[0])].map((n) => Number(n.toPrecision(4)));
    ctx.open({ kind: "own", target: "own", values: { [c.names[0]]: at[0], [c.names[1]]: at[1] } });
  };
  const xt = ticks(x[0], x[1], Math.max(2, W / 70)), yt = ticks(y[0], y[1], 4);
  return h("div", { class: "ais-map", style: { height: `${height}px` } },
    h("canvas", { width: Math.round(W * 1.5), height: Math.round(H * 1.5), style: { left: `${box.l}px`, top: `${box.t}px`, width: `${W}px`, height: `${H}px` }, stamp: `${W}x${H}:${low}:${high}:${field.length}:${ctx.stamp("belief")}`, draw: (n) => paintField(n, field, low, high) }),
    h("svg", { width, height, role: "img", "aria-label": `${which === "mean" ? "Mean" : "Uncertainty"} of ${c.z_label} over ${c.x_label} and ${c.y_label}, from ${plain(low)} to ${plain(high)}${c.blank ? `; ${c.blank}` : ""}` },
      xt.map((t) => h("text", { class: "ais-tick", x: X(t), y: box.t + H + 14, "text-anchor": "middle" }, tickText(t, xt))),
      yt.map((t) => h("text", { class: "ais-tick", x: box.l - 5, y: Y(t) + 3.5, "text-anchor": "end" }, tickText(t, yt))),
      h("text", { class: "ais-axis-label", x: box.l + W / 2, y: height - 4, "text-anchor": "middle" }, c.x_label),
      h("text", { class: "ais-axis-label", x: 9, y: box.t + H / 2, "text-anchor": "middle", transform: `rotate(-90 9 ${box.t + H / 2})` }, c.y_label),
      which === "std" ? h("rect", { class: "ais-place", x: box.l, y: box.t, width: W, height: H, onclick: place }) : null,
      c.marks.map((m) => mark(m.kind === "flight" ? "flight" : whose(m), X(m.x), Y(m.y), m.kind === "run" ? 3.4 : 4.6, { key: m.name, class: `ais-on-map ${m.kind === "proposal" ? "ais-hollow" : ""} ${m.name === ctx.ui.selected || m.name === ctx.ui.run ? "ais-chosen" : ""}`, onclick: () => (m.name[0] === "P" ? ctx.select(m.name) : ctx.select_run(m.name)) }, m.name)),
      Array.from({ length: 24 }, (_, i) => h("rect", { x: box.l + W + 8, y: box.t + (H * i) / 24, width: 8, height: H / 24 + 0.6, fill: `rgb(${cividis(1 - i / 23).join(",")})` })),
      h("text", { class: "ais-tick", x: box.l + W + 19, y: box.t + 9 }, plain(high)), h("text", { class: "ais-tick", x: box.l + W + 19, y: box.t + H }, plain(low))));
}

function ledgerPanel(ctx) {
  const d = ctx.snap.ledger;
  if (!d) return null;
  const open = ctx.ui.ledger || ctx.alone;
  return h("section", { key: "ledger", class: "ais-ledger", "aria-label": "Ledger of decisions" },
    h("h2", {}, ctx.alone ? h("b", {}, "Ledger") : h("button", { type: "button", class: "ais-fold", "aria-expanded": open ? "true" : "false", onclick: () => { ctx.ui.ledger = !open; ctx.paint(); } }, open ? "▾ " : "▸ ", h("b", {}, "Ledger")), h("span", {}, d.sub), h("span", { class: "ais-dim" }, "every decision, beside what came of it")),
    !open ? null : d.empty ? h("div", { class: "ais-empty ais-slim" }, d.empty) : [h("div", { class: "ais-scroll" }, h("table", {},
      h("thead", {}, h("tr", {}, ["Proposal", "Point", "Predicted", "Decision", "Reason", "Run", "Outcome", "Off by"].map((t) => h("th", { scope: "col", class: ["Predicted", "Outcome", "Off by"].includes(t) ? "ais-right" : "" }, t, ["Predicted", "Outcome"].includes(t) ? unitLine(d.unit) : null)))),
      h("tbody", {}, d.rows.map((r) => h("tr", { key: r.id }, h("td", {}, h("b", {}, r.id), h("div", { class: "ais-dim ais-nowrap" }, r.by)), h("td", { class: "ais-point-cell", title: r.full }, r.what), h("td", { class: "ais-right ais-num" }, r.predicted),
        h("td", { class: "ais-rule", title: r.time }, r.verdict, r.who ? h("div", { class: "ais-dim" }, `by ${r.who}`) : null), h("td", { class: "ais-message", title: r.reason }, r.reason), h("td", {}, r.run), h("td", { class: "ais-right ais-num" }, r.outcome), h("td", { class: "ais-right ais-num" }, r.off)))))),
      pager(ctx, d, "ledger_page", "proposals")]);
}
