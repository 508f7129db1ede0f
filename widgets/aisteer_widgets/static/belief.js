// What the surrogate believes: the panel, its views, and the controls that say where one looks.

const VIEWS = { map: mapChart, slices: slicesChart, drives: drivesChart, tested: testedChart, calibration: calibrationChart, front: frontChart, pool: poolChart };

function beliefPanel(ctx) {
  const d = ctx.snap.belief;
  if (!d) return null;
  return h("section", { key: "belief", class: "ais-belief", "aria-label": "What the surrogate believes" },
    h("h2", {}, h("b", {}, "What the surrogate believes"), h("span", { class: "ais-num" }, d.sub), h("span", { class: "ais-grow" }), d.chart ? saveControl(ctx, "belief", beliefShown(d)) : null),
    d.views.length > 1 ? h("div", { key: "views", class: "ais-chips", role: "group", "aria-label": "View" }, d.views.map((v) => h("button", {
      type: "button", key: v.name, class: d.view === v.name ? "ais-chip ais-on" : "ais-chip", "aria-pressed": d.view === v.name ? "true" : "false",
      onclick: () => ctx.wish({ belief: v.name }) }, v.label))) : null,
    savedLine(ctx, "belief"),
    d.note ? h("p", { key: "note", class: "ais-note-line ais-dim ais-widened" }, d.note) : null,
    d.warning ? h("div", { key: "warning", class: "ais-trouble ais-doubt", role: "note" }, h("span", { class: "ais-sign", "aria-hidden": "true" }, "!"), h("span", {}, d.warning)) : null,
    d.axes || d.held ? placeControls(ctx, d) : null,
    d.chart ? h("div", { key: `chart-${d.chart.kind}`, class: d.busy?.stale ? "ais-chart ais-old" : "ais-chart", "data-view": d.chart.kind }, VIEWS[d.chart.kind](ctx, d.chart)) : h("div", { key: "none", class: "ais-empty ais-slim" }, d.empty, busyLine(d)),
    ctx.ui.form?.kind === "own" && own_is_here(ctx) ? [ownForm(ctx), errorLine(ctx, "own")] : null);
}

// What a saved figure must know of what is shown.
function beliefShown(d) {
  const at = Object.fromEntries((d.held?.fields || []).filter((f) => f.value !== null).map((f) => [f.name, f.value]));
  return { view: d.view, ...(d.axes ? { x: d.axes.x, y: d.axes.y } : {}), ...(d.outcomes ? { outcome: d.outcomes.chosen } : {}), ...(d.held?.moved ? { at } : {}) };
}

function busyLine(d) {
  const b = d.busy;
  return h("div", { key: "busy", class: "ais-busyline", role: "status" }, b ? [
    h("progress", { class: "ais-progress", max: "1", ...(b.share > 0 ? { value: b.share } : {}), "aria-label": "The surrogate is asked" }),
    h("span", { class: "ais-num" }, b.share > 0.02 && b.share < 1 ? `${b.words}, ${Math.round(100 * b.share)} %` : `${b.words}…`)] : null);
}

// --- where one looks ------------------------------------------------------------------------------

function placeControls(ctx, d) {
  const at = ctx.place();
  const choose = (which, label) => h("label", { key: which, class: "ais-axis-choice" }, h("span", {}, label),
    h("select", { class: "ais-select ais-small", value: d.axes[which], "aria-label": `Parameter along the ${label} axis`,
      onchange: (e) => { const other = which === "x" ? "y" : "x", v = e.target.value; ctx.wish({ [`belief_${which}`]: v, ...(v === d.axes[other] ? { [`belief_${other}`]: d.axes[which] } : {}) }); } },
      d.axes.options.map((o) => h("option", { value: o.name, selected: o.name === d.axes[which] }, o.label))));
  const moved = d.held.moved || Object.keys(at).length;
  return h("div", { key: "place", class: "ais-place-controls" },
    h("div", { class: "ais-row" }, d.outcomes ? h("label", { key: "outcome", class: "ais-axis-choice" }, h("span", {}, "of"), h("select", { class: "ais-select ais-small", value: d.outcomes.chosen, "aria-label": "Outcome", onchange: (e) => ctx.wish({ belief_outcome: e.target.value }) },
      d.outcomes.options.map((o) => h("option", { value: o.name, selected: o.name === d.outcomes.chosen }, o.label)))) : null, d.axes ? [choose("x", "across"), choose("y", "up")] : null,
      d.held.fields.length ? h("span", { class: "ais-dim" }, d.axes ? `the ${d.held.fields.length === 1 ? "other" : "others"} ${moved ? "as set here" : d.held.words}` : `through the point ${moved ? "set here" : d.held.words}`) : null,
      moved ? button(d.held.best ? `Back to ${d.held.best}` : "Back to the best run", () => ctx.hold(null), { small: true, title: "Where the best run was" }) : null,
      h("span", { class: "ais-grow" }), busyLine(d)),
    d.held.fields.length ? h("div", { class: "ais-held-fields" }, d.held.fields.map((f) => heldField(ctx, f, at[f.name] ?? f.value))) : null);
}

function heldField(ctx, f, value) {
  if (f.kind === "choice") return h("label", { key: f.name, class: "ais-held-field" }, h("span", {}, f.label),
    h("select", { class: "ais-select ais-small", value: String(f.values.indexOf(value)), onchange: (e) => ctx.hold(f.name, f.values[Number(e.target.value)]) },
      f.choices.map((c, n) => h("option", { value: String(n), selected: f.values[n] === value }, c))));
  const axis = { low: f.low, high: f.high, log: f.log, cells: false };
  const steps = f.kind === "int" && !f.log && f.high - f.low < 1000 ? f.high - f.low : 1000;
  const to = scaled(axis, 0, steps);
  const set = (v) => { if (Number.isFinite(v)) ctx.hold(f.name, Math.min(f.high, Math.max(f.low, f.kind === "int" ? Math.round(v) : Number(v.toPrecision(5))))); };
  const shown = value === null ? "" : readable(typeof value === "number" ? Number(value.toPrecision(5)) : value);
  const words = `${shown}${f.unit ? ` ${f.unit}` : ""}`;
  return h("div", { key: f.name, class: "ais-held-field" }, h("span", {}, f.label, f.unit ? h("i", {}, ` (${f.unit})`) : ""),
    h("input", { type: "range", class: "ais-range", min: "0", max: String(steps), step: "1", value: value === null ? "0" : String(Math.round(to(value))), "aria-label": `${f.label}, ${f.hint}`, "aria-valuetext": words, title: f.hint,
      oninput: (e) => set(to.back(Number(e.target.value))) }),
    h("input", { type: "text", inputmode: "decimal", class: "ais-input ais-num ais-held-number", value: shown, "aria-label": `${f.label}${f.unit ? ` in ${f.unit}` : ""}, ${f.hint}`,
      onchange: (e) => { const v = Number(e.target.value.replaceAll(",", "")); if (e.target.value.trim() && Number.isFinite(v)) set(v); else e.target.value = shown; } }));
}

// --- the map --------------------------------------------------------------------------------------

function mapChart(ctx, c) {
  const one = (which, caption) => h("figure", { key: which }, sized(ctx, `map-${which}`, 230, (width) => mapOne(ctx, c, which, width, 230)), h("figcaption", {}, caption));
  const off = floats(c.marks.off);
  return h("div", { key: "map" }, h("div", { class: "ais-maps" },
    one("mean", [h("b", {}, "Predicted"), ` ${c.z_label}`]), one("std", [h("b", {}, "Uncertainty"), ` (std${c.z_unit ? `, ${c.z_unit}` : ""})`])),
    h("div", { class: "ais-readout ais-num ais-dim", ref: (node) => { ctx.readout = node; } }, "Click to place a candidate of your own."),
    h("div", { class: "ais-legend" }, legendOf(c.marks.letters), own_at(ctx, c) ? markKey("human", "your candidate, not proposed yet", "ais-hollow ais-own-mark") : null,
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
  const x = place(c.x), y = place(c.y);
  return x === null || y === null ? null : { x, y };
}

function mapOne(ctx, c, which, width, height) {
  const field = floats(c[which]), [rows, columns] = c[which].shape;
  let low = Infinity, high = -Infinity;
  for (const v of field) if (Number.isFinite(v)) { if (v < low) low = v; if (v > high) high = v; }
  const yTicks = marksAlong(c.y, 5), widest = Math.max(...yTicks.map(([, t]) => t.length), 1);
  const box = { l: Math.min(86, 24 + 6.4 * widest), t: 12, b: 32, r: 58 }, W = Math.max(60, width - box.l - box.r), H = height - box.t - box.b;
  const X = scaled(c.x, box.l, box.l + W), Y = scaled(c.y, box.t + H, box.t);
  const raw = (axis, v) => axis.ticks ? ctx.snap.fields?.[ctx.snap.header?.task]?.fields.find((f) => f.name === axis.name)?.values[v] : axis.cells ? v : Number(v.toPrecision(4));
  const under = (e) => { const r = e.currentTarget.getBoundingClientRect(); return [X.back(box.l + ((e.clientX - r.left) / r.width) * W), Y.back(box.t + ((e.clientY - r.top) / r.height) * H)]; };
  const place = (e) => { const [x, y] = under(e); ctx.place_own({ ...c.at, [c.x.name]: raw(c.x, x), [c.y.name]: raw(c.y, y) }); };
  const read = (e) => {
    if (!ctx.readout) return;
    const [x, y] = under(e), node = (axis, v, n) => Math.round(scaled(axis, axis.cells ? -0.5 : 0, axis.cells ? n - 0.5 : n - 1)(v));
    const i = rows * columns ? node(c.y, y, rows) * columns + node(c.x, x, columns) : 0;
    const m = floats(c.mean)[i], s = floats(c.std)[i], say = (axis, v) => `${axis.label} ${axis.ticks ? axis.ticks[v] : plain(v)}`;
    ctx.readout.textContent = `${say(c.x, x)}, ${say(c.y, y)}: ${Number.isFinite(m) ? `mean ${plain(m)} ± ${plain(s)} (std)` : "nothing is predicted here"}. Click to place a candidate of your own.`;
  };
  const own = own_at(ctx, c), m = c.marks, mx = floats(m.x), my = floats(m.y), off = floats(m.off);
  const side = ticks(low, high, 4).filter((t) => t >= low && t <= high), S = (v) => box.t + H - ((v - low) / (high - low || 1)) * H;
  return h("div", { class: "ais-map", style: { height: `${height}px` } },
    h("canvas", { width: Math.round(W * 1.5), height: Math.round(H * 1.5), style: { left: `${box.l}px`, top: `${box.t}px`, width: `${W}px`, height: `${H}px` }, stamp: `${W}x${H}:${low}:${high}:${rows}:${ctx.stamp("belief")}`,
      draw: (n) => paintField(n, field, rows, columns, low, high, c.x.cells, c.y.cells) }),
    h("svg", { width, height, role: "img", "aria-label": `${which === "mean" ? "Predicted mean" : "Uncertainty"} of ${c.z_label} over ${c.x.label} and ${c.y.label}, from ${plain(low)} to ${plain(high)}${c.blank ? `; ${c.blank}` : ""}` },
      marksAlong(c.x, Math.max(2, W / 60)).map(([t, text]) => h("text", { class: "ais-tick", x: X(t), y: box.t + H + 14, "text-anchor": "middle" }, text)),
      yTicks.map(([t, text]) => h("text", { class: "ais-tick", x: box.l - 5, y: Y(t) + 3.5, "text-anchor": "end" }, text)),
      h("text", { class: "ais-axis-label", x: box.l + W / 2, y: height - 4, "text-anchor": "middle" }, c.x.label),
      h("text", { class: "ais-axis-label", x: 9, y: box.t + H / 2, "text-anchor": "middle", transform: `rotate(-90 9 ${box.t + H / 2})` }, c.y.label),
      h("rect", { class: "ais-place", x: box.l, y: box.t, width: W, height: H, onclick: place, onmousemove: read }),
      c.regions.map((r, i) => { const [a, b] = [X(r.x[0]), X(r.x[1])], [u, v] = [Y(r.y[1]), Y(r.y[0])]; return h("g", { key: `region-${i}` }, h("rect", { class: `ais-region ais-region-${r.kind}`, x: a, y: u, width: Math.max(1, b - a), height: Math.max(1, v - u) }), h("text", { class: "ais-region-words", x: a + 4, y: u + 12 }, r.kind)); }),
      m.names.map((name, i) => letterMark(m.letters[i], X(mx[i]), Y(my[i]), hollow(m.letters[i]) ? 4.6 : 3.4, { key: name, class: `ais-on-map ${chosen(ctx, name)}`, style: { opacity: hollow(m.letters[i]) || m.letters[i] === "f" ? 1 : nearness(off[i]) }, onclick: () => pick(ctx, name) }, name)),
      own ? h("g", { key: "own", class: "ais-own-at" }, h("line", { class: "ais-cross", x1: box.l, x2: box.l + W, y1: Y(own.y), y2: Y(own.y) }), h("line", { class: "ais-cross", x1: X(own.x), x2: X(own.x), y1: box.t, y2: box.t + H }),
        mark("human", X(own.x), Y(own.y), 6.5, { class: "ais-on-map ais-hollow ais-own-mark" }, "your candidate, not proposed yet")) : null,
      Array.from({ length: 32 }, (_, i) => h("rect", { x: box.l + W + 8, y: box.t + (H * i) / 32, width: 8, height: H / 32 + 0.6, fill: `rgb(${cividis(1 - i / 31).join(",")})` })),
      side.map((t) => [h("line", { class: "ais-axis", x1: box.l + W + 16, x2: box.l + W + 19, y1: S(t), y2: S(t) }), h("text", { class: "ais-tick", x: box.l + W + 21, y: S(t) + 3.5 }, tickText(t, side))])));
}

// --- slices ---------------------------------------------------------------------------------------

function slicesChart(ctx, c) {
  const height = 170, least = 230, letters = c.runs.letters;
  const all = sized(ctx, "slices", height, (width) => {
    const columns = Math.max(1, Math.min(c.panels.length, Math.floor(width / least))), each = Math.floor((width - 12 * (columns - 1)) / columns);
    return h("div", { class: "ais-slices", style: { "grid-template-columns": `repeat(${columns}, ${each}px)` } }, c.panels.map((p) => slicePlot(ctx, c, p, each, height)));
  });
  const faint = c.panels.some((p) => floats(p.off).some((o) => o > 0.05)), blank = c.panels.find((p) => p.blank)?.blank;
  return h("div", { key: "slices" }, h("div", { class: "ais-dim ais-plot-title" }, c.y_label), all,
    h("div", { class: "ais-legend" }, lineKey("ais-mean", "predicted mean"), key(h("i", { class: "ais-swatch" }), "95 % band"), legendOf(letters), key(h("svg", { width: 8, height: 12, "aria-hidden": "true" }, h("line", { class: "ais-cross", x1: 4, x2: 4, y1: 0, y2: 12 })), "the point that they go through"),
      faint && c.far ? h("span", {}, c.far) : null, c.more ? h("span", {}, c.more) : null,
      blank ? h("span", { class: "ais-blank" }, h("i", { class: "ais-swatch ais-swatch-blank" }), blank) : null),
    h("div", { class: "ais-row" }, button("Propose this point…", () => ctx.place_own(Object.fromEntries((ctx.snap.belief.held?.fields || []).filter((f) => f.value !== null).map((f) => [f.name, ctx.place()[f.name] ?? f.value]))), { small: true, blocked: ctx.gone() || ctx.snap.review?.blocked })));
}

function slicePlot(ctx, c, p, width, height) {
  const xs = floats(p.x), mean = floats(p.mean), low = floats(p.low), high = floats(p.high);
  const rx = floats(p.runs), ry = floats(c.runs.y), re = floats(c.runs.e), off = floats(p.off);
  const room = 0.06 * (c.y[1] - c.y[0] || 1), y = { low: c.y[0] - room, high: c.y[1] + room };
  const order = [...off.keys()].sort((i, j) => off[j] - off[i]);
  return framed({ key: p.axis.name, width, height, x: p.axis, y, label: `Belief along ${p.axis.label}${p.blank ? `; ${p.blank}` : ""}`, draw: (X, Y, b) => [
    p.here === null ? null : h("line", { class: "ais-cross", x1: X(p.here), x2: X(p.here), y1: b.t, y2: b.H - b.b }),
    p.axis.cells ? [...mean.keys()].filter((i) => Number.isFinite(mean[i])).map((i) => [
      h("line", { class: "ais-thick", x1: X(xs[i]), x2: X(xs[i]), y1: Y(low[i]), y2: Y(high[i]) }), h("line", { class: "ais-mean", "data-curve": "mean", x1: X(xs[i]) - 6, x2: X(xs[i]) + 6, y1: Y(mean[i]), y2: Y(mean[i]) })])
      : bandOf(ctx, xs, low, mean, high, X, Y, b),
    order.filter((i) => Number.isFinite(rx[i])).map((i) => h("g", { key: c.runs.names[i], class: `ais-point ${chosen(ctx, c.runs.names[i])}`, "data-off": off[i], style: { opacity: nearness(off[i]) }, onclick: () => ctx.select_run(c.runs.names[i]) },
      whiskers(rx[i], ry[i], 0, re[i], X, Y, b), letterMark(c.runs.letters[i], X(rx[i]), Y(ry[i]), 2.8, {}, `${c.runs.names[i]}: ${plain(ry[i])}`)))] });
}

// --- a pool ---------------------------------------------------------------------------------------

function poolChart(ctx, c) {
  const height = 220, xs = floats(c.x), mean = floats(c.mean), low = floats(c.low), high = floats(c.high);
  const rx = floats(c.runs.x), ry = floats(c.runs.y), px = floats(c.proposals.x), py = floats(c.proposals.y);
  const [bottom, top] = extent([...low, ...high, ...ry]);
  return h("div", { key: "pool" }, sized(ctx, "pool", height, (width) => framed({ key: "pool-plot", width, height, x: { low: 1, high: Math.max(2, c.size), label: c.x_label }, y: { low: bottom, high: top }, yLabel: c.y_label, label: `Belief over ${c.x_label}`, draw: (X, Y, b) => [
    bandOf(ctx, xs, low, mean, high, X, Y, b),
    c.runs.names.map((name, i) => h("g", { key: name, class: `ais-point ${chosen(ctx, name)}`, onclick: () => pick(ctx, name) }, letterMark(c.runs.letters[i], X(rx[i]), Y(ry[i]), 3.2, {}, `${name}: ${plain(ry[i])}`))),
    c.proposals.names.map((name, i) => h("g", { key: name, class: `ais-point ${chosen(ctx, name)}`, onclick: () => pick(ctx, name) }, letterMark(c.proposals.letters[i], X(px[i]), Y(py[i]), 4.4, {}, name)))] })),
    h("div", { class: "ais-legend" }, lineKey("ais-mean", "predicted mean of each candidate"), key(h("i", { class: "ais-swatch" }), "95 % band"), legendOf(c.runs.letters + c.proposals.letters)));
}
