// Steering the AI itself: every setting as it stands, who set it and why, and what can be set. One reason goes with whatever is set next.
// What is typed is painted at once, so that a field that is emptied after it was sent shows empty.

const STEERED = [["search", "How it searches"], ["where", "Where"], ["mind", "Who proposes"], ["known", "What it learns from"], ["rule", "What it may decide"], ["tests", "Tests and the end"], ["problem", "What it works on"]];

function steerPanel(ctx) {
  const d = ctx.snap.steer;
  if (!d) return null;
  const open = ctx.ui.steering || ctx.alone, form = ctx.ui.steer = ctx.ui.steer?.task === d.task ? ctx.ui.steer : { task: d.task, box: {} };
  return h("section", { key: "steer", class: "ais-steer", "aria-label": "Steer the AI" },
    h("h2", {}, ctx.alone ? h("b", {}, "Steer the AI") : h("button", { type: "button", class: "ais-fold", "aria-expanded": open ? "true" : "false", onclick: () => { ctx.ui.steering = !open; ctx.paint(); } }, open ? "▾ " : "▸ ", h("b", {}, "Steer the AI")), h("span", {}, d.sub)),
    errorLine(ctx, "steer"),
    !open ? null : [steerSet(ctx, d, form), steerPlaces(ctx, d, form)]);
}

// One place at a time: what is rarely needed does not stand in the way of what is.
function steerPlaces(ctx, d, form) {
  const has = { where: d.parameters.length > 0 }, places = STEERED.filter(([name]) => has[name] !== false);
  const now = places.some(([name]) => name === ctx.ui.place) ? ctx.ui.place : places[0][0];
  const show = { search: steerControls, where: steerRegions, mind: steerMind, known: steerKnown, rule: steerRule, tests: steerOversight, problem: steerProblem };
  return [h("div", { key: "places", class: "ais-chips", role: "group", "aria-label": "What to steer" }, places.map(([name, words]) => h("button", { key: name, type: "button", class: name === now ? "ais-chip ais-on" : "ais-chip", "aria-pressed": name === now ? "true" : "false", onclick: () => { ctx.ui.place = name; ctx.paint(); } }, words))),
    h("div", { key: `place-${now}`, class: "ais-steer-place" }, show[now](ctx, d, form))];
}

// What was typed for an order goes when the order was carried out; else it stays, to be mended.
function asked(ctx, verb, data, done) {
  ctx.ui.steer.done = done;
  ctx.order(verb, { task: ctx.snap.steer.task, reason: ctx.ui.steer.reason || "", ...data }, "steer");
}

function steered(ctx) {
  const form = ctx.ui.steer;
  if (!form) return;
  form.reason = "";
  form.done?.();
  form.done = null;
}

function change(ctx, values, done) { asked(ctx, "steer", { change: values }, done); }

function steerButton(ctx, label, act, more) {
  return button(label, act, { small: true, blocked: ctx.gone() || ctx.snap.steer.blocked, busy: ctx.pending("steer"), ...more });
}

function steerSet(ctx, d, form) {
  return h("div", { key: "set", class: "ais-steer-set" },
    h("label", { class: "ais-field ais-wide" }, h("span", {}, "Reason for what you set next (kept in the journal)"),
      h("input", { class: "ais-input", type: "text", maxlength: "400", value: form.reason || "", oninput: (e) => { form.reason = e.target.value; ctx.paint_now(); } })),
    d.set.map((s) => h("div", { key: s.name, class: "ais-steer-line" }, h("b", {}, s.words), h("span", { class: "ais-dim" }, [s.said, s.reason].filter(Boolean).join(": ")), h("span", { class: "ais-grow" }),
      steerButton(ctx, ["forbidden", "favoured", "pinned"].includes(s.name) ? "Take all back" : "Take back", () => change(ctx, { [s.name]: null }), { name: `Take back: ${s.words}` }))),
    d.undo ? h("div", { key: "undo" }, steerButton(ctx, "Undo the last change", () => asked(ctx, "unsteer", {}))) : null);
}

// --- numbers and names ----------------------------------------------------------------------------

function steerNumber(ctx, form, { name, label, value, low, hint, apply }) {
  const typed = form[name] !== undefined ? form[name] : String(value);
  const send = () => { const v = Number(typed); if (typed.trim() === "" || !Number.isFinite(v) || v < low) { ctx.fail("steer", `${label}: give a number from ${low} on. Nothing was changed.`); return; } if (v !== value) apply(v, () => { form[name] = undefined; }); else form[name] = undefined; };
  return h("label", { key: name, class: "ais-field" }, h("span", {}, label, hint ? h("small", {}, hint) : null),
    h("span", { class: "ais-steer-pair" }, h("input", { class: "ais-input ais-num", type: "text", inputmode: "decimal", value: typed, "aria-label": `${label}${hint ? `, ${hint}` : ""}`,
      oninput: (e) => { form[name] = e.target.value; ctx.paint_now(); }, onkeydown: (e) => { if (e.key === "Enter") { e.preventDefault(); send(); } } }),
      steerButton(ctx, "Set", send, { name: `Set ${label}` })));
}

function steerControls(ctx, d, form) {
  return h("div", { key: "controls", class: "ais-fields" },
    steerNumber(ctx, form, { name: "batch", label: "Proposals at once", hint: d.batch_note, value: d.batch, low: 1, apply: (v, done) => change(ctx, { batch: Math.round(v) }, done) }),
    steerNumber(ctx, form, { name: "exploration", label: "Exploration", hint: "0 trusts the mean, 1 is usual", value: d.exploration, low: 0, apply: (v, done) => change(ctx, { exploration: v }, done) }),
    d.acquisitions.length ? h("label", { key: "acquisition", class: "ais-field" }, h("span", {}, "Acquisition"), h("select", { class: "ais-select", value: d.acquisition || d.acquisitions[0].name, disabled: Boolean(d.blocked), title: d.blocked || null,
      onchange: (e) => { const v = e.target.value; e.target.value = d.acquisition || d.acquisitions[0].name; change(ctx, { acquisition: v }); } }, d.acquisitions.map((a) => h("option", { value: a.name, selected: a.name === (d.acquisition || d.acquisitions[0].name) }, a.label)))) : null,
    d.surrogates ? h("label", { key: "surrogate", class: "ais-field" }, h("span", {}, "Surrogate"), h("select", { class: "ais-select", value: d.surrogates.now, disabled: Boolean(d.blocked), title: d.blocked || null,
      onchange: (e) => { const v = e.target.value; e.target.value = d.surrogates.now; change(ctx, { surrogate: v === d.surrogates.usual ? null : v }); } }, d.surrogates.options.map((o) => h("option", { value: o.name, selected: o.name === d.surrogates.now }, o.label)))) : null,
    d.trust ? h("label", { key: "trust", class: "ais-field" }, h("span", {}, "Search"), h("select", { class: "ais-select", value: String(d.trust.now), disabled: Boolean(d.blocked), title: d.blocked || null,
      onchange: (e) => { const i = Number(e.target.value); e.target.value = String(d.trust.now); change(ctx, { trust_region: d.trust.values[i] === false ? null : d.trust.values[i] }); } }, d.trust.labels.map((words, i) => h("option", { value: String(i), selected: i === d.trust.now }, words)))) : null,
    d.weights.map((w) => steerNumber(ctx, form, { name: `weight ${w.name}`, label: `Weight of ${w.label}`, value: w.value, low: 0, apply: (v, done) => change(ctx, { weights: { ...Object.fromEntries(d.weights.map((o) => [o.name, o.value])), [w.name]: v } }, done) })));
}

// --- where it may go ------------------------------------------------------------------------------

function steerRegions(ctx, d, form) {
  const box = () => {
    const made = {};
    for (const f of d.parameters) {
      const b = form.box[f.name];
      if (!b) continue;
      if (f.kind === "choice") { if (b.option !== undefined) made[f.name] = [f.values[b.option]]; continue; }
      const low = (b.low ?? "").trim(), high = (b.high ?? "").trim();
      if (low === "" && high === "") continue;
      made[f.name] = [low === "" ? f.low : Number(low), high === "" ? f.high : Number(high)];
    }
    return made;
  };
  const lines = (kind) => d.regions.filter((r) => r.kind === kind).map((r) => r.box);
  const put = (kind) => {
    const made = box();
    if (!Object.keys(made).length) { ctx.fail("steer", "Give at least one side of the region first. Nothing was changed."); return; }
    change(ctx, { [kind]: [...lines(kind), made] }, () => { form.box = {}; });
  };
  const pins = () => {
    const made = {};
    for (const f of d.parameters) {
      const b = form.box[f.name] || {};
      if (f.kind === "choice" && b.option !== undefined) made[f.name] = f.values[b.option];
      else if ((b.low ?? "").trim() !== "" && (b.high ?? "").trim() === "") made[f.name] = Number(b.low);
    }
    if (!Object.keys(made).length) { ctx.fail("steer", "To pin a parameter, give its value in its first field and leave the second empty. Nothing was changed."); return; }
    asked(ctx, "pin", { pins: made }, () => { form.box = {}; });
  };
  const drop = (r) => { const rest = d.regions.filter((o) => o.kind === r.kind && o.place !== r.place).map((o) => o.box); change(ctx, { [r.kind]: rest.length ? rest : null }); };
  const side = (f, which, words) => h("input", { class: "ais-input ais-num", type: "text", inputmode: "decimal", placeholder: words, value: form.box[f.name]?.[which] ?? "", "aria-label": `${f.label}, ${which === "low" ? "from, or the value to pin" : "to"}, ${f.hint}`,
    oninput: (e) => { form.box[f.name] = { ...form.box[f.name], [which]: e.target.value }; ctx.paint_now(); } });
  return h("div", { key: "regions", class: "ais-steer-box" }, h("div", { class: "ais-dim" }, "A region: what is left empty may be anything. It keeps out of what is forbidden, gives what is favoured the first proposals and then ever fewer, and leaves what is pinned at the value in the first field."),
    h("div", { class: "ais-fields" }, d.parameters.map((f) => h("div", { key: f.name, class: "ais-field" }, h("span", {}, f.label, f.unit ? h("i", {}, ` ${f.unit}`) : "", f.hint ? h("small", {}, f.hint) : null),
      f.kind === "choice" ? h("select", { class: "ais-select", "aria-label": f.label, value: String(form.box[f.name]?.option ?? ""), onchange: (e) => { form.box[f.name] = e.target.value === "" ? {} : { option: Number(e.target.value) }; ctx.paint(); } }, h("option", { value: "" }, "any"), f.choices.map((c, n) => h("option", { value: String(n) }, c)))
        : h("span", { class: "ais-steer-pair" }, side(f, "low", "from"), side(f, "high", "to"))))),
    h("div", { class: "ais-row" }, steerButton(ctx, "Forbid it", () => put("forbidden")), steerButton(ctx, "Favour it", () => put("favoured")), steerButton(ctx, "Pin the values", pins)),
    d.regions.map((r) => h("div", { key: `${r.kind}${r.place}`, class: "ais-steer-line" }, h("span", {}, h("b", {}, r.kind), ` ${r.words}`), h("span", { class: "ais-grow" }), steerButton(ctx, "Lift", () => drop(r), { name: `Lift: ${r.kind} ${r.words}` }))),
    d.pins.map((p) => h("div", { key: `pin-${p.name}`, class: "ais-steer-line" }, h("span", {}, h("b", {}, p.fixed ? "fixed" : "pinned"), ` ${p.label} ${p.value}`, p.fixed ? h("span", { class: "ais-dim" }, ", by the definition of its policy") : null), h("span", { class: "ais-grow" }), p.fixed ? null : steerButton(ctx, "Release", () => asked(ctx, "pin", { pins: { [p.name]: null } }), { name: `Release ${p.label}` }))));
}

// --- what it learns from --------------------------------------------------------------------------

function steerResults(ctx, d, form) {
  const run = form.run ?? ctx.ui.run ?? "";
  const send = () => { if (!run.trim()) { ctx.fail("steer", "Name the run first, such as R7, or select it among the runs. Nothing was changed."); return; } asked(ctx, "mark", { run: run.trim().toUpperCase(), bad: true }, () => { form.run = undefined; }); };
  return h("div", { key: "results", class: "ais-steer-box" },
    h("label", { class: "ais-field" }, h("span", {}, "A result that is bad leaves the fit; it can be put back"), h("span", { class: "ais-steer-pair" }, h("input", { class: "ais-input", type: "text", placeholder: "R7", value: run, "aria-label": "Run whose result is bad", oninput: (e) => { form.run = e.target.value; ctx.paint_now(); }, onkeydown: (e) => { if (e.key === "Enter") { e.preventDefault(); send(); } } }), steerButton(ctx, "Mark bad", send, { blocked: ctx.gone() || d.mind.blocked }))),
    d.bad.map((b) => h("div", { key: b.run, class: "ais-steer-line" }, h("s", {}, b.words), b.said ? h("span", { class: "ais-dim" }, b.said) : null, h("span", { class: "ais-grow" }), steerButton(ctx, "Put back", () => asked(ctx, "mark", { run: b.run, bad: false }), { blocked: ctx.gone() || d.mind.blocked, name: `Put ${b.run} back` }))),
    d.data.map((x) => h("div", { key: x.data, class: "ais-steer-line" }, h("span", {}, x.words), h("span", { class: "ais-grow" }), steerButton(ctx, x.out ? "Put back" : "Take out", () => asked(ctx, "mark_data", { data: x.data, bad: !x.out }), { blocked: ctx.gone() || d.mind.blocked, name: `${x.out ? "Put back" : "Take out"} ${x.data}` }))));
}

function steerKnown(ctx, d, form) { return [steerResults(ctx, d, form), steerTable(ctx, d, form)]; }

// --- what it may decide ---------------------------------------------------------------------------

function steerRule(ctx, d, form) {
  const r = d.rule, get = (n, start) => form[n] !== undefined ? form[n] : start;
  const field = (n, label, start) => h("label", { key: n, class: "ais-field" }, h("span", {}, label), h("input", { class: "ais-input ais-num", type: "text", inputmode: "decimal", value: get(n, start), oninput: (e) => { form[n] = e.target.value; ctx.paint_now(); } }));
  const send = () => {
    const coverage = Number(get("coverage", String(100 * r.coverage))) / 100, least = Number(get("least", String(r.least))), cost = get("cost", "").trim();
    asked(ctx, "rule", { coverage, least: Number.isInteger(least) ? least : null, cost: cost === "" ? null : Number(cost) });
  };
  return h("div", { key: "rule", class: "ais-steer-box" }, h("div", {}, h("span", { class: "ais-dim" }, "When a proposal arrives: "), h("b", {}, r.words)), h("div", { class: "ais-dim ais-num" }, r.earned),
    h("div", { class: "ais-fields" }, field("coverage", "Accept by itself while coverage is at least, %", String(100 * r.coverage)), field("least", "counted on so many outcomes", String(r.least)), field("cost", `and cost is below, ${r.unit} (empty: any)`, "")),
    h("div", { class: "ais-row" }, steerButton(ctx, "Let it earn acceptance", send, { title: "Else it asks, as soon as the coverage that it has shown is no longer as good" })));
}

// --- how it is tested, and when it is enough -------------------------------------------------------

function steerOversight(ctx, d, form) {
  const o = d.oversight, now = { audit: String(Math.round(1000 * o.audit) / 10), counterfactual: String(Math.round(1000 * o.counterfactual) / 10), stop_below: o.stop_below === null ? "" : String(Math.round(1000 * o.stop_below) / 10), stagnation: o.stagnation === null ? "" : String(o.stagnation), gain_below: o.gain_below === null ? "" : String(o.gain_below) };
  const typed = form.oversight = form.oversight || {}, get = (n) => typed[n] !== undefined ? typed[n] : now[n];
  const field = (n, label) => h("label", { key: n, class: "ais-field" }, h("span", {}, label), h("input", { class: "ais-input ais-num", type: "text", inputmode: "decimal", value: get(n), oninput: (e) => { typed[n] = e.target.value; ctx.paint_now(); } }));
  const number = (n) => get(n).trim() === "" ? null : Number(get(n));
  const send = () => {
    const given = Object.fromEntries(["audit", "counterfactual", "stop_below", "stagnation", "gain_below"].map((n) => [n, number(n)]));
    if (Object.values(given).some((v) => v !== null && !Number.isFinite(v))) { ctx.fail("steer", "Give numbers, or leave a field empty. Nothing was changed."); return; }
    asked(ctx, "oversee", { audit: (given.audit || 0) / 100, counterfactual: (given.counterfactual || 0) / 100, ...(o.stop_below === null ? {} : { early_stopping: (given.stop_below || 0) / 100 }), finish: { stagnation: given.stagnation, gain_below: given.gain_below, budget: typed.budget ?? o.budget, failing: typed.failing ?? o.failing } }, () => { form.oversight = undefined; });
  };
  return h("div", { key: "oversight", class: "ais-steer-box" }, h("div", { class: "ais-dim" }, "How the AI is tested, and when it proposes the end (a human decides on it; empty: never)"),
    h("div", { class: "ais-fields" }, field("audit", "Points drawn by chance, to test predictions, %"), field("counterfactual", "Edits whose original is run too, by chance, %"),
      o.stop_below === null ? null : field("stop_below", "Stop a run: its chance to add anything is below, % (0: never)"),
      o.has_best ? [field("stagnation", "End: runs without a better one"), field("gain_below", `End: expected gain below, ${o.gain_unit}`)] : null,
      h("label", { key: "budget", class: "ais-check" }, h("input", { type: "checkbox", checked: typed.budget ?? o.budget, onchange: (e) => { typed.budget = e.target.checked; ctx.paint_now(); } }), " End: the budget covers no further run"),
      h("label", { key: "failing", class: "ais-check" }, h("input", { type: "checkbox", checked: typed.failing ?? o.failing, onchange: (e) => { typed.failing = e.target.checked; ctx.paint_now(); } }), " End: what is left to gain lies where runs fail")),
    h("div", { class: "ais-row" }, steerButton(ctx, "Set these", send)));
}
