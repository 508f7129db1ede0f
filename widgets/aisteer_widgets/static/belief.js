// What the surrogate believes: the panel, its views, and the controls that say where one looks.

const VIEWS = {
  map: mapChart,
  slices: slicesChart,
  drives: drivesChart,
  tested: testedChart,
  calibration: calibrationChart,
  front: frontChart,
  pool: poolChart,
};

function beliefPanel(ctx) {
  const d = ctx.snap.belief;
  if (!d) return null;
  return h("section", { key: "belief", class: "ais-belief", "aria-label": "What the surrogate believes" },
    h("h2", {},
      h("b", {}, "What the surrogate believes"),
      h("span", { class: "ais-num" }, d.sub),
      h("span", { class: "ais-grow" }),
      d.chart ? saveControl(ctx, "belief", beliefShown(d)) : null),
    d.views.length > 1
      ? h("div", { key: "views", class: "ais-chips", role: "group", "aria-label": "View" },
          d.views.map((v) =>
            h("button", {
              type: "button",
              key: v.name,
              class: d.view === v.name ? "ais-chip ais-on" : "ais-chip",
              "aria-pressed": d.view === v.name ? "true" : "false",
              onclick: () => ctx.wish({ belief: v.name }),
            },
              v.label),
          ))
      : null,
    savedLine(ctx, "belief"),
    d.note ? h("p", { key: "note", class: "ais-note-line ais-dim ais-widened" }, d.note) : null,
    d.warning
      ? h("div", { key: "warning", class: "ais-trouble ais-doubt", role: "note" },
          h("span", { class: "ais-sign", "aria-hidden": "true" }, "!"),
          h("span", {}, d.warning))
      : null,
    d.axes || d.held ? placeControls(ctx, d) : null,
    d.chart
      ? h("div", {
          key: `chart-${d.chart.kind}`,
          class: d.busy?.stale ? "ais-chart ais-old" : "ais-chart",
          "data-view": d.chart.kind,
        },
          VIEWS[d.chart.kind](ctx, d.chart))
      : h("div", { key: "none", class: "ais-empty ais-slim" }, d.empty, busyLine(d)),
    ctx.ui.form?.kind === "own" && own_is_here(ctx) ? [ownForm(ctx), errorLine(ctx, "own")] : null);
}

// What a saved figure must know of what is shown.
function beliefShown(d) {
  const at = Object.fromEntries((d.held?.fields || []).filter((f) => f.value !== null).map((f) => [f.name, f.value]));
  return {
    view: d.view,
    ...(d.axes ? { x: d.axes.x, y: d.axes.y } : {}),
    ...(d.outcomes ? { outcome: d.outcomes.chosen } : {}),
    ...(d.held?.moved ? { at } : {}),
  };
}

function busyLine(d) {
  const b = d.busy;
  return h("div", { key: "busy", class: "ais-busyline", role: "status" },
    b
      ? [
          h("progress", {
            class: "ais-progress",
            max: "1",
            ...(b.share > 0 ? { value: b.share } : {}),
            "aria-label": "The surrogate is asked",
          }),
          h("span", { class: "ais-num" },
            b.share > 0.02 && b.share < 1 ? `${b.words}, ${Math.round(100 * b.share)} %` : `${b.words}…`),
        ]
      : null);
}

// --- where one looks ------------------------------------------------------------------------------

function placeControls(ctx, d) {
  const at = ctx.place();
  const choose = (which, label) =>
    h("label", { key: which, class: "ais-axis-choice" },
      h("span", {}, label),
      h("select", {
        class: "ais-select ais-small",
        value: d.axes[which],
        "aria-label": `Parameter along the ${label} axis`,
        onchange: (e) => {
          const other = which === "x" ? "y" : "x",
            v = e.target.value;
          ctx.wish({ [`belief_${which}`]: v, ...(v === d.axes[other] ? { [`belief_${other}`]: d.axes[which] } : {}) });
        },
      },
        d.axes.options.map((o) => h("option", { value: o.name, selected: o.name === d.axes[which] }, o.label))));
  const moved = d.held.moved || Object.keys(at).length;
  return h("div", { key: "place", class: "ais-place-controls" },
    h("div", { class: "ais-row" },
      d.outcomes
        ? h("label", { key: "outcome", class: "ais-axis-choice" },
            h("span", {}, "of"),
            h("select", {
              class: "ais-select ais-small",
              value: d.outcomes.chosen,
              "aria-label": "Outcome",
              onchange: (e) => ctx.wish({ belief_outcome: e.target.value }),
            },
              d.outcomes.options.map((o) =>
                h("option", { value: o.name, selected: o.name === d.outcomes.chosen }, o.label),
              )))
        : null,
      d.axes ? [choose("x", "across"), choose("y", "up")] : null,
      d.held.fields.length
        ? h("span", { class: "ais-dim" },
            d.axes
              ? `the ${d.held.fields.length === 1 ? "other" : "others"} ${moved ? "as set here" : d.held.words}`
              : `through the point ${moved ? "set here" : d.held.words}`)
        : null,
      moved
        ? button(d.held.best ? `Back to ${d.held.best}` : "Back to the best run", () => ctx.hold(null), {
            small: true,
            title: "Where the best run was",
          })
        : null,
      h("span", { class: "ais-grow" }),
      busyLine(d)),
    d.held.fields.length
      ? h("div", { class: "ais-held-fields" }, d.held.fields.map((f) => heldField(ctx, f, at[f.name] ?? f.value)))
      : null);
}

function heldField(ctx, f, value) {
  if (f.kind === "choice")
    return h("label", { key: f.name, class: "ais-held-field" },
      h("span", {}, f.label),
      h("select", {
        class: "ais-select ais-small",
        value: String(f.values.indexOf(value)),
        onchange: (e) => ctx.hold(f.name, f.values[Number(e.target.value)]),
      },
        f.choices.map((c, n) => h("option", { value: String(n), selected: f.values[n] === value }, c))));
  const axis = { low: f.low, high: f.high, log: f.log, cells: false };
  const steps = f.kind === "int" && !f.log && f.high - f.low < 1000 ? f.high - f.low : 1000;
  const to = scaled(axis, 0, steps);
  const set = (v) => {
    if (Number.isFinite(v))
      ctx.hold(f.name, Math.min(f.high, Math.max(f.low, f.kind === "int" ? Math.round(v) : Number(v.toPrecision(5)))));
  };
  const shown = value === null ? "" : readable(typeof value === "number" ? Number(value.toPrecision(5)) : value);
  const words = `${shown}${f.unit ? ` ${f.unit}` : ""}`;
  return h("div", { key: f.name, class: "ais-held-field" },
    h("span", {}, f.label, f.unit ? h("i", {}, ` (${f.unit})`) : ""),
    h("input", {
      type: "range",
      class: "ais-range",
      min: "0",
      max: String(steps),
      step: "1",
      value: value === null ? "0" : String(Math.round(to(value))),
      "aria-label": `${f.label}, ${f.hint}`,
      "aria-valuetext": words,
      title: f.hint,
      oninput: (e) => set(to.back(Number(e.target.value))),
    }),
    h("input", {
      type: "text",
      inputmode: "decimal",
      class: "ais-input ais-num ais-held-number",
      value: shown,
      "aria-label": `${f.label}${f.unit ? ` in ${f.unit}` : ""}, ${f.hint}`,
      onchange: (e) => {
        const v = Number(e.target.value.replaceAll(",", ""));
        if (e.target.value.trim() && Number.isFinite(v)) set(v);
        else e.target.value = shown;
      },
    }));
}
