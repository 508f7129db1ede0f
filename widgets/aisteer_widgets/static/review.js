function reviewPanel(ctx) {
  const d = ctx.snap.review;
  if (!d) return null;
  return h("section", { key: "review", class: "ais-review", "data-area": "review", "aria-label": "Proposals to review" },
    h("h2", {}, h("b", {}, d.heading), h("span", { class: ctx.told() ? "ais-said ais-told" : "ais-said", title: ctx.told() || d.sub_title || null }, ctx.told() || d.sub || "\u00a0"), h("span", { class: "ais-grow" }),
      button("Propose…", () => ctx.open({ kind: "own", target: "own" }), { kbd: "n", small: true, blocked: ctx.gone() || d.blocked, key: "own" })),
    ctx.ui.form?.kind === "own" && !own_is_here(ctx) ? ownForm(ctx) : null,
    own_is_here(ctx) ? null : errorLine(ctx, "own"),
    d.empty ? emptyState(ctx, d.empty) : null,
    h("div", { key: "cards", role: "list", onpointerenter: () => ctx.hold_still("review", true), onpointerleave: () => ctx.hold_still("review", false) }, d.cards.map((c) => cardView(ctx, c))),
    d.more ? h("div", { class: "ais-dim ais-more" }, d.more) : null,
    h("div", { key: "held", class: "ais-held" }, d.held.map((x) => heldLine(ctx, x, ctx.last_decided()?.id === x.id)), d.recent.map((x) => recentLine(ctx, x, ctx.last_decided()?.id === x.id))),
    d.last ? h("div", { class: "ais-dim ais-last" }, d.last) : null);
}

function emptyState(ctx, e) {
  const action = ctx.snap.header?.action;
  return h("div", { key: "empty", class: "ais-empty" }, h("b", {}, e.title), h("p", {}, e.text),
    e.start && action ? button(action.label, () => ctx.order(action.verb, {}, "header"), {
      main: true, blocked: ctx.gone() || action.blocked, busy: ctx.pending("header"), title: action.title,
    }) : null);
}

function cardView(ctx, c) {
  const chosen = ctx.ui.selected === c.id;
  const full = chosen || ctx.snap.review.cards.length === 1;
  const form = ctx.ui.form?.target === c.id ? ctx.ui.form : null;
  const classes = ["ais-card", `ais-tone-${c.tone}`, chosen && "ais-sel", full ? "" : "ais-compact"].filter(Boolean).join(" ");
  return h("article", {
    key: c.id, class: classes, tabindex: chosen ? "0" : "-1", role: "listitem", "data-proposal": c.id,
    "aria-current": chosen ? "true" : null,
    "aria-label": `${c.id}, ${c.who}, ${c.parameters.map((p) => `${p.name} ${p.value}`).join(", ")}${c.expected ? `, expected ${c.expected.text}` : ""}`,
    onclick: () => ctx.select(c.id),
  },
    h("div", { class: "ais-row" },
      h("span", { class: "ais-id" }, c.id), h("span", { class: "ais-dim ais-who", title: c.ranked || null }, c.who),
      c.warnings.map((w, i) => h("span", { key: `w${i}`, class: "ais-tag ais-warn", title: w }, "⚠ ", w)),
      h("span", { class: "ais-grow" }),
      c.cost ? h("span", { class: "ais-tag ais-num", title: "expected cost" }, c.cost) : null),
    h("div", { class: "ais-body" },
      h("div", { class: "ais-facts" },
        h("div", { class: "ais-row ais-params" }, c.parameters.map((p) => parameterChip(p)),
          !full && c.expected && !c.expected.pending ? h("span", { class: "ais-num ais-brief" }, interval(c.expected, 110), h("b", {}, c.expected.text)) : null),
        full && c.picture ? beside(c) : null),
      c.picture ? h("img", { class: full ? "ais-molecule" : "ais-molecule ais-molecule-small", src: c.picture, alt: `structure of ${c.smiles}`, title: c.smiles }) : null),
    c.ending ? endingBody(c, full) : full ? whyList(c) : null,
    form ? (form.kind === "reject" ? rejectForm(ctx, c) : editForm(ctx, c)) : full ? cardActions(ctx, c) : null,
    errorLine(ctx, c.id));
}

function parameterChip(p) {
  return h("span", { key: p.key, class: p.old ? "ais-p ais-edited" : "ais-p", title: `${p.name} ${p.full}` },
    p.name, " ", p.old ? h("s", {}, p.old) : null, h("b", { class: "ais-num" }, p.value));
}

// Beside a picture there is room for what is expected, one thing under the other.
function beside(c) {
  const e = c.expected;
  if (!e) return null;
  if (e.pending) return h("div", { class: "ais-dim" }, e.text);
  return h("div", { class: "ais-beside ais-num" }, h("div", {}, h("span", { class: "ais-dim" }, `${e.term} `), h("b", { title: SPREAD }, e.text)), interval(e, 170), e.band ? h("div", { class: "ais-dim" }, e.band) : null,
    e.parent ? h("div", {}, e.parent) : null, e.best_text ? h("div", { class: "ais-dim" }, e.best_text) : null);
}

// ± is one standard deviation, as everywhere; the bar is the 95 % band.
const SPREAD = "± is one standard deviation; the bar is the 95 % band";

function whyList(c) {
  const rows = [];
  const put = (term, ...what) => rows.push(h("dt", { key: `t${rows.length}` }, term), h("dd", { key: `d${rows.length}` }, ...what));
  if (c.expected && !c.picture) {
    const e = c.expected;
    if (e.pending) put(e.term, h("span", { class: "ais-dim" }, e.text));
    else put(e.term, interval(e), h("span", { class: "ais-items", title: SPREAD }, h("b", {}, e.text), e.band ? h("span", { class: "ais-item" }, e.band) : "", e.parent ? h("span", { class: "ais-item" }, e.parent) : "", e.best_text ? h("span", { class: "ais-dim ais-item" }, e.best_text) : ""));
  }
  if (c.stopping?.end) put("Foreseen end", interval(c.stopping.end), h("span", { class: "ais-items", title: SPREAD }, h("b", {}, c.stopping.end.text), h("span", { class: "ais-item" }, c.stopping.end.band), h("span", { class: "ais-dim ais-item" }, c.stopping.end.best_text)));
  if (c.stopping?.curve) put("So far", soFar(c.stopping.curve));
  for (const r of c.stopping?.rows || []) put(r.term, h("span", {}, r.text));
  for (const o of c.expected?.others || []) put(o.term, h("span", { class: "ais-items", title: SPREAD }, h("b", {}, o.text), h("span", { class: "ais-item" }, o.band)));
  for (const r of c.risks || []) put(r.term, h("span", { class: r.bad ? "ais-risk" : "" }, r.text));
  if (c.why) put("Why here", h("span", { class: "ais-split", role: "img", title: c.why.title, "aria-label": c.why.text },
    h("i", { class: "ais-exploit", style: { width: `${100 * c.why.exploit}%` } }), h("i", { class: "ais-explore", style: { width: `${100 - 100 * c.why.exploit}%` } })),
    h("span", { title: c.why.title }, h("span", { class: "ais-part-key ais-exploit", "aria-hidden": "true" }), `${c.why.parts[0]} exploit + `, h("span", { class: "ais-part-key ais-explore", "aria-hidden": "true" }), `${c.why.parts[1]} explore`));
  if (c.acquisition) put("Acquisition", h("span", { title: c.ranked || null }, c.acquisition));
  if (c.slopes.length) put("Around it", h("span", { class: "ais-items", title: "What a step of one length scale would change, by the slope of the predicted mean here" }, c.slopes.map((s) => h("span", { class: "ais-item" }, s))));
  if (c.nearest.length) put("Nearest runs", h("span", { class: "ais-items" }, c.nearest.map((n) => h("span", { class: "ais-near" }, n))));
  if (c.next) put("If rejected", h("span", { title: "What the AI would propose next, were this one rejected and nothing else to happen" }, c.next));
  if (c.reasons.length) put("Also", h("span", {}, c.reasons.join(" · ")));
  if (c.note) put(c.note_label, h("span", {}, c.note));
  return rows.length ? h("dl", { class: "ais-why ais-num" }, rows) : null;
}

const NO_EDIT = "There is nothing in it to edit.";

function cardActions(ctx, c) {
  const blocked = ctx.gone() || ctx.snap.review.blocked;
  const busy = ctx.pending(c.id);
  return h("div", { key: "actions", class: "ais-row ais-actions" },
    button(busy === "accept" ? "Recording…" : c.ending || c.stopping ? (c.ending || c.stopping).accept : c.edited ? "Accept my edit" : "Accept", () => ctx.accept(c), { kbd: "a", main: true, blocked: blocked || c.over, busy, name: `Accept ${c.id}`, key: "a" }),
    c.ending || c.stopping ? null : button("Edit", () => ctx.open({ kind: "edit", target: c.id }), {
      kbd: "e", blocked: blocked || (c.editable ? "" : NO_EDIT), busy, name: `Edit ${c.id}`, key: "e" }),
    button(c.ending || c.stopping ? (c.ending || c.stopping).reject : "Reject…", () => ctx.open({ kind: "reject", target: c.id }), { kbd: "r", blocked, busy, name: `Reject ${c.id}`, key: "r" }),
    c.edited ? button("Back to the AI’s", () => ctx.order("undo", { proposal: c.edited }, c.id), { kbd: ctx.undoes_edit(c) ? "u" : null, blocked, busy, title: `Undo the edit: ${c.edited} waits again`, key: "u" }) : null,
    c.editable || c.ending || c.stopping ? null : h("span", { class: "ais-dim" }, NO_EDIT),
    c.over ? [h("span", { key: "over", class: "ais-over ais-num" }, c.over), ctx.panels.length > 1 ? button("Raise the budget…", () => ctx.open({ kind: "budget", target: "budget" }), { small: true, blocked, key: "budget" }) : null] : null);
}

function rejectForm(ctx, c) {
  const form = ctx.ui.form;
  const send = () => ctx.order("reject", { proposal: c.id, revision: form.revision ?? c.revision, reason: form.reason || "" }, c.id);
  return h("div", { key: "reject", class: "ais-form" },
    h("label", { class: "ais-field ais-wide" }, h("span", {}, c.ending ? "Why go on? The ledger keeps the reason." : c.stopping ? "Why go on? It is not proposed to be stopped again; the ledger keeps the reason." : "Why not? The AI keeps away from it for a while; the ledger keeps the reason."),
      h("input", { class: "ais-input", type: "text", maxlength: "400", placeholder: c.stopping ? "it may still turn, wanted for the record…" : c.ending ? "not converged yet, one more region to try…" : "unphysical, done before, too expensive…", "data-autofocus": "1", "aria-label": "Reason for the rejection",
        oninput: (e) => { form.reason = e.target.value; }, onkeydown: (e) => { if (e.key === "Enter") { e.preventDefault(); send(); } } })),
    h("div", { class: "ais-row" }, button(c.ending || c.stopping ? "Go on" : "Reject", send, { main: true, busy: ctx.pending(c.id), kbd: "⏎" }), button("Cancel", () => ctx.close(), { kbd: "esc" })));
}

function editForm(ctx, c) {
  const form = ctx.ui.form;
  const schema = ctx.snap.fields?.[c.task];
  const send = () => {
    const values = changed(form, c.parameters);
    if (!Object.keys(values).length) { ctx.fail(c.id, "Nothing is changed yet. Change a value, or cancel."); return; }
    ctx.order("edit", { proposal: c.id, revision: form.revision ?? c.revision, values, reason: form.reason || "" }, c.id);
  };
  return h("div", { key: "edit", class: "ais-form" },
    schema ? fieldsOf(ctx, form, schema, c.task, Object.fromEntries(c.parameters.map((p) => [p.key, p.raw])), send) : null,
    reasonField(form, "Your reason (kept in the ledger)", send),
    h("div", { class: "ais-row" }, button("Save my edit", send, { main: true, busy: ctx.pending(c.id), kbd: "⏎", title: "It becomes a proposal of its own, with a fresh prediction, and waits for your acceptance" }),
      button("Cancel", () => ctx.close(), { kbd: "esc" })));
}

function reasonField(form, words, send, first) {
  return h("label", { class: "ais-field ais-wide" }, h("span", {}, words),
    h("input", { class: "ais-input", type: "text", maxlength: "400", ...(first ? { "data-autofocus": "1" } : {}), oninput: (e) => { form.reason = e.target.value; },
      onkeydown: (e) => { if (e.key === "Enter") { e.preventDefault(); send(); } } }));
}

function changed(form, parameters) {
  const raw = Object.fromEntries(parameters.map((p) => [p.key, p.raw]));
  return Object.fromEntries(Object.entries(form.values || {}).filter(([k, v]) => v !== "" && v !== raw[k]));
}

// A number as a human would type it; where it is left as it is, what it stands for goes on in full.
function readable(value) {
  if (value === undefined) return "";
  return typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(6))) : String(value);
}

function fieldsOf(ctx, form, schema, task, start, send) {
  form.values = form.values || {};
  const enter = (e) => { if (e.key === "Enter") { e.preventDefault(); send(); } };
  if (schema.pool) return poolPicker(ctx, form, schema, task, start[schema.key], send);
  return h("div", { class: "ais-fields" }, schema.fields.map((f, i) => {
    const first = i === 0 ? { "data-autofocus": "1" } : {};
    const now = form.values[f.name] !== undefined ? form.values[f.name] : start[f.name];
    const label = [h("span", {}, f.label, f.unit ? h("i", {}, ` (${f.unit})`) : ""), f.hint ? h("small", {}, f.hint) : null];
    if (f.kind === "choice") return h("label", { key: f.name, class: "ais-field" }, label,
      h("select", { class: "ais-select", ...first, onchange: (e) => { form.values[f.name] = f.values[Number(e.target.value)]; ctx.typed_own(); } },
        now === undefined ? h("option", { value: "-1" }, "choose…") : null,
        f.choices.map((c, n) => h("option", { value: String(n), selected: f.values[n] === now }, c))));
    const number = f.kind === "float" || f.kind === "int";
    return h("label", { key: f.name, class: "ais-field" }, label,
      h("input", { class: "ais-input ais-num", ...first, type: "text", inputmode: number ? "decimal" : "text", "aria-label": `${f.label}${f.hint ? `, ${f.hint}` : ""}`,
        value: form.texts?.[f.name] ?? readable(now), title: typeof now === "number" ? `now ${now}` : null, onkeydown: enter,
        oninput: (e) => {
          const text = e.target.value.trim();
          (form.texts = form.texts || {})[f.name] = e.target.value;
          form.values[f.name] = text === "" ? "" : number && Number.isFinite(Number(text)) ? Number(text) : text;
          const bad = number && text !== "" && (!Number.isFinite(Number(text)) || (f.low !== null && Number(text) < f.low) || (f.high !== null && Number(text) > f.high));
          e.target.classList.toggle("ais-bad", bad);
          e.target.setAttribute("aria-invalid", bad ? "true" : "false");
          ctx.typed_own();
        } }));
  }));
}

// Candidates of a pool: searched where they are, in Python; only a page of them travels.
function poolPicker(ctx, form, schema, task, start, send) {
  const found = ctx.ui.found;
  // Enter takes what is picked; else the only one that was found, or the first, for another Enter.
  const enter = () => {
    if (!ctx.settled()) { ctx.entered = enter; return; }
    const items = ctx.ui.found.items, exact = items[0]?.key === ctx.typed.trim();
    if (items.some((x) => x.key === form.picked?.key)) send();
    else if (items.length) { pick(items[0]); if (items.length === 1 || exact) send(); }
  };
  const keys = (e) => {
    if (e.key === "Enter") { e.preventDefault(); enter(); return; }
    if (e.key !== "ArrowDown" && e.key !== "ArrowUp") return;
    e.preventDefault();
    const items = found?.items || [], at = items.findIndex((x) => x.key === form.picked?.key);
    const next = items[Math.max(0, Math.min(items.length - 1, at + (e.key === "ArrowDown" ? 1 : -1)))];
    if (next) pick(next);
  };
  // The list scrolls, so that Tab comes by it: what is typed there belongs to the search.
  const onward = (e) => { if (e.ctrlKey || e.metaKey || e.altKey || !(e.key.length === 1 || /^(Enter|Arrow)/.test(e.key))) return; e.currentTarget.parentNode.querySelector("input").focus(); keys(e); };
  const pick = (item) => { form.values = { [schema.key]: item.key }; form.picked = item; ctx.typed_own(); ctx.paint(); };
  return h("div", { class: "ais-picker" },
    h("label", { class: "ais-field ais-wide" }, h("span", {}, `Search ${schema.size} candidates`, start ? h("small", {}, `now ${start}`) : null),
      h("input", { class: "ais-input", type: "search", "data-autofocus": "1", placeholder: "part of its name or any column", "aria-label": "Search candidates",
        oninput: (e) => { ctx.entered = null; ctx.search(task, e.target.value); },
        onkeydown: keys })),
    !found?.items.length ? null : h("div", { key: "found", class: "ais-found", role: "listbox", "aria-label": "Candidates", onkeydown: onward }, found.items.map((item) =>
      h("div", { key: item.key, role: "option", class: form.picked?.key === item.key ? "ais-option ais-picked" : "ais-option", "aria-selected": form.picked?.key === item.key ? "true" : "false", onclick: () => pick(item) },
        item.picture ? h("img", { class: "ais-molecule ais-molecule-small", src: item.picture, alt: "" }) : null,
        h("div", { class: "ais-option-words" }, h("b", { title: item.label }, item.label), h("span", { class: "ais-dim" }, item.detail))))),
    found ? h("div", { class: "ais-dim" }, form.picked ? h("span", {}, "Chosen: ", h("b", {}, form.picked.label), " · ") : null, found.words) : null);
}

function heldLine(ctx, x, last) {
  const left = ctx.countdown(x);
  return h("div", { key: `held-${x.id}`, class: "ais-heldline" },
    h("span", { class: "ais-ring", style: { "--left": String(left.share) }, "aria-hidden": "true" }),
    h("div", { class: "ais-held-words" }, h("div", { class: "ais-what-held", title: x.what }, h("b", {}, x.id), ` ${x.what}`), h("div", { class: "ais-num ais-dim" }, left.words)),
    button("Undo", () => ctx.order("undo", { proposal: x.id, revision: x.revision }, `held-${x.id}`), { kbd: last ? "u" : null, small: true, busy: ctx.pending(`held-${x.id}`), blocked: ctx.gone(), name: `Undo ${x.id}` }),
    errorLine(ctx, `held-${x.id}`));
}

function recentLine(ctx, x, last) {
  return h("div", { key: `recent-${x.id}`, class: "ais-heldline" }, h("span", { class: "ais-ring ais-rejected", "aria-hidden": "true" }, "✕"),
    h("div", { class: "ais-held-words" }, h("div", { class: "ais-what-held", title: x.what }, h("b", {}, x.id), ` ${x.what}`), h("div", { class: "ais-dim" }, x.words)),
    button("Undo", () => ctx.order("undo", { proposal: x.id, revision: x.revision }, `held-${x.id}`), { small: true, kbd: last ? "u" : null, busy: ctx.pending(`held-${x.id}`), blocked: ctx.gone(), name: `Undo ${x.id}` }),
    errorLine(ctx, `held-${x.id}`));
}
