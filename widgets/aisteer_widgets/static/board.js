// One view: it holds what is on the screen, paints it when something changed, and sends what was asked.

const PANELS = { review: reviewPanel, runs: runsPanel, live: livePanel, convergence: convergencePanel, belief: beliefPanel, steer: steerPanel, ledger: ledgerPanel };
const TOLD = 8000; // ms for which what was done stays on the screen
const SILENCE = 15000; // ms without a word from the kernel after which it is taken for gone

const KEYS = [
  ["j  k", "next, previous proposal or run"], ["a", "accept the proposal"], ["e", "edit it"], ["r", "reject it, with a reason"],
  ["u", "undo the last acceptance or rejection that can be undone"], ["n", "propose a candidate of your own"], ["tab", "move between proposals and runs"],
  ["s", "stop the selected run"], ["p", "among the runs: pause or resume the selected one"],
  ["x  b  t", "among the runs: extend, branch, try again"], ["esc", "close what is open"], ["?", "show or hide these keys"],
];

const ASKED = { stop: "stopped", pause: "paused", extend: "extended", branch: "branched", retry: "tried again" };

class View {
  constructor(model, el) {
    this.model = model;
    this.panels = model.get("_panels");
    this.uid = `ais-${newId().slice(0, 12)}`;
    this.alone = this.panels.length === 1;
    this.snap = {};
    this.ui = { selected: null, run: null, form: null, errors: {}, pendings: {}, widths: {}, help: false, found: null, ledger: false, saved: {}, unfolded: false, copied: false };
    this.root = document.createElement("div");
    this.root.className = "aisteer";
    this.root.tabIndex = -1;
    this.root.setAttribute("role", "application");
    this.root.setAttribute("aria-roledescription", "campaign board");
    this.live = document.createElement("div");
    this.live.className = "ais-hidden";
    this.live.setAttribute("aria-live", "polite");
    this.body = document.createElement("div");
    this.body.className = "ais-body-root";
    this.root.append(this.body, this.live);
    el.append(this.root);
    this.sizes = new ResizeObserver((entries) => this.resized(entries));
    this.heard = performance.now();
    this.stamps = {};
    this.colours = new Map();
    this.measure_root = (node) => this.measure("root", node);
    this.kernel = new KernelWatch(model, el, () => this.paint());
    this.summaries = () => [];
    this.listen();
    for (const name of model.get("_parts")) this.take(name);
    model.send({ type: "painted", pulse: model.get("pulse") });
    this.paint();
    this.ticker = setInterval(() => this.tick(), 250);
  }

  listen() {
    this.handlers = [];
    const on = (event, fn) => { this.model.on(event, fn); this.handlers.push([event, fn]); };
    for (const name of this.model.get("_parts")) on(`change:${name}`, () => { this.take(name); this.paint(); });
    on("change:pulse", () => { this.word(); if (!document.hidden) this.model.send({ type: "painted", pulse: this.model.get("pulse") }); });
    on("msg:custom", (message) => this.hear(message));
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.root.addEventListener("focusin", (event) => { this.among_runs = Boolean(event.target.closest?.("[data-area=runs]")); });
    // The notebook must not take a click in the board for one in its cell.
    for (const kind of ["mousedown", "dblclick", "contextmenu"]) this.root.addEventListener(kind, (event) => event.stopPropagation());
    this.root.addEventListener("mousedown", (event) => { if (event.target === this.root || event.target === this.body) this.root.focus({ preventScroll: true }); });
  }

  dispose() {
    for (const [event, fn] of this.handlers) this.model.off(event, fn);
    this.kernel.stop();
    this.sizes.disconnect();
    clearInterval(this.ticker);
    this.closed = true;
  }

  take(name) {
    const part = this.model.get(name);
    if (!part || !Object.keys(part).length) return;
    this.snap[name] = part;
    this.stamps[name] = (this.stamps[name] || 0) + 1;
    this.word();
    if (name === "review") {
      this.held = performance.now();
      this.keepSelection(part.cards);
    }
  }

  // A run keeps its colour and dashes while it is plotted.
  colour(run) {
    const plotted = new Set((this.snap.live?.curves || []).map((c) => c.run));
    for (const name of [...this.colours.keys()]) if (!plotted.has(name)) this.colours.delete(name);
    if (!this.colours.has(run)) {
      const taken = new Set(this.colours.values());
      const free = [...Array(CYCLE).keys()].find((n) => !taken.has(n));
      this.colours.set(run, free === undefined ? 0 : free);
    }
    return this.colours.get(run);
  }

  stamp(name) { return this.stamps[name]; }

  // --- what is asked -------------------------------------------------------------------------

  order(verb, data, place) {
    if (this.ui.pendings[place] || this.gone()) return;
    const id = newId();
    this.ui.pendings[place] = { id, verb, at: performance.now() };
    delete this.ui.errors[place];
    this.model.send({ type: "order", id, verb, ...data });
    this.paint();
  }

  wish(data) { this.model.send({ type: "wish", ...data }); }

  // --- where one looks, and a candidate of one's own ------------------------------------------

  // Where the viewer has put the parameters that a picture holds.
  place() { return this.ui.at && this.ui.at.task === this.snap.header?.task ? this.ui.at.values : {}; }

  hold(name, value) {
    this.ui.at = { task: this.snap.header?.task, values: name === null ? {} : { ...this.place(), [name]: value } };
    this.soon("hold", 120, () => this.wish({ belief_at: this.place() }));
    this.paint();
  }

  // Not more often than every `ms`, and the last one always.
  soon(what, ms, act) {
    const timers = this.timers = this.timers || {};
    if (timers[what]) { timers[what].act = act; return; }
    act();
    timers[what] = { act: null };
    setTimeout(() => { const next = timers[what].act; delete timers[what]; if (next && !this.closed) this.soon(what, ms, next); }, ms);
  }

  // What is typed of it so far, less what is empty.
  own_values(form) { return Object.fromEntries(Object.entries(form?.values || {}).filter(([, v]) => v !== "" && v !== undefined && v !== null)); }

  typed_own() {
    const form = this.ui.form;
    if (form?.kind !== "own") return;
    this.previewed = true;
    this.soon("own", 150, () => { if (this.ui.form === form) this.wish({ own: this.own_values(form), own_task: form.task || this.snap.header?.task }); });
    this.paint();
  }

  // A place in the picture becomes the candidate that is being written, or begins one.
  place_own(values) {
    const why = this.gone() || this.snap.review?.blocked;
    if (why) { this.tell(why); return; }
    const form = this.ui.form?.kind === "own" && this.ui.form.from === "map" ? this.ui.form : null;
    if (form) { form.values = { ...form.values, ...values }; form.texts = {}; this.paint_now(); } else this.open({ kind: "own", target: "own", from: "map", task: this.snap.header?.task, values });
    this.typed_own();
    this.root.querySelector(".ais-own [data-autofocus]")?.focus();
  }

  // What the kernel should know of where the viewer is: which proposal he looks at, and that he writes no candidate.
  tell_where() {
    if (this.previewed && this.ui.form?.kind !== "own") { this.previewed = false; this.wish({ own: {}, own_task: "" }); }
    const looked = this.panels.includes("review") ? this.ui.selected || "" : "";
    if (looked !== (this.looked || "")) { this.looked = looked; this.wish({ looked }); }
  }

  search(task, text) {
    clearTimeout(this.searching);
    this.typed = text;
    this.searching = setTimeout(() => { this.searched = text; this.model.send({ type: "search", task, text }); }, 120);
  }

  // Whether what was found is what was typed.
  settled() { return this.ui.found && this.typed === this.searched && this.ui.found.text === this.typed; }

  hear(message) {
    this.word();
    if (message.type === "progress") { this.progress(message); return; }
    if (message.type === "found") {
      this.ui.found = message;
      // Enter came before what was typed had been looked up.
      if (this.entered && this.settled()) { const enter = this.entered; this.entered = null; enter(); }
      this.paint();
      return;
    }
    if (message.type !== "answer") return;
    const place = Object.keys(this.ui.pendings).find((p) => this.ui.pendings[p].id === message.id);
    if (place === undefined) return;
    delete this.ui.pendings[place];
    if (message.ok) {
      delete this.ui.errors[place];
      if (this.ui.form && (this.ui.form.target === place || place === "own")) this.ui.form = null;
      if (message.path) this.ui.saved[place] = message;
      if (message.select) { this.awaited = message.select; this.welcome(this.snap.review?.cards || []); }
    } else this.ui.errors[place] = message.message;
    if (message.ok && !message.path) this.tell(message.message);
    else this.say(message.message);
    this.paint();
  }

  progress(message) {
    const pending = Object.values(this.ui.pendings).find((p) => p.id === message.id);
    if (pending) Object.assign(pending, { step: message.step, steps: message.steps, words: message.words });
    this.paint();
  }

  say(text) { if (text) this.live.textContent = text; }
  // Said where it can be seen as well, beside the heading of the proposals, for a while.
  tell(text) { this.ui.told = { text, at: performance.now() }; this.say(text); this.paint(); }
  told() { return this.ui.told && performance.now() - this.ui.told.at < TOLD ? this.ui.told.text : ""; }
  fail(place, text) { this.ui.errors[place] = text; this.say(text); this.paint(); }
  pending(place) { return this.ui.pendings[place]?.verb; }

  accept(card) { this.order("accept", { proposal: card.id, revision: card.revision }, card.id); }

  // Why nothing can be asked now; empty when all is well.
  gone() {
    const why = this.not_live();
    return why ? `${why.title} ${why.words}` : "";
  }

  // What keeps the board from being live; nothing when it is.
  not_live() {
    const kept = "Nothing is lost, and runs at the endpoint go on.";
    if (this.kernel.ended) return { again: true, title: "Not live any more.", words: `The kernel ${this.kernel.ended}; this is the last that it told. ${kept}` };
    if (this.kernel.lost) return { again: performance.now() - this.kernel.since > SILENCE, title: "Not live for the moment.", words: `The connection to the kernel is lost; the page tries to reach it again. ${kept}` };
    if (performance.now() - this.heard > SILENCE) return { again: true, title: "Not live for the moment.", words: `No word from the kernel: it is busy, was restarted, or is gone. ${kept}` };
    return null;
  }

  word() {
    this.heard = performance.now();
    // What was under way when the kernel ended may still arrive.
    if (this.kernel.ended && this.heard - this.kernel.since > 500) this.kernel.alive();
  }

  // The summary takes the place of a board that will not live again.
  can_fold() { return Boolean(this.kernel.ended && this.panels.length > 1 && this.summaries().length); }
  folded() { return this.can_fold() && !this.ui.unfolded && performance.now() - this.kernel.since > FOLD_AFTER; }

  select_text(selector) {
    const node = this.root.querySelector(selector);
    if (node) window.getSelection().selectAllChildren(node);
  }

  // --- selection and forms -------------------------------------------------------------------

  // The proposal that an answer spoke of may be on its way still; once it is here, the keys speak of it.
  welcome(cards) {
    if (!this.awaited || !cards.some((c) => c.id === this.awaited)) return false;
    this.order_seen = cards.map((c) => c.id);
    this.ui.selected = this.awaited;
    this.awaited = null;
    this.among_runs = false;
    if (this.ui.form || !this.root.contains(document.activeElement)) return true;
    this.paint();
    this.focus_selected();
    return true;
  }

  keepSelection(cards) {
    const written = this.ui.form?.target;
    if (this.snap.review && written && /^P\d+$/.test(written) && !cards.some((c) => c.id === written) && !this.ui.pendings[written]) {
      this.ui.form = null;
      this.ui.errors.header = `${written} was decided elsewhere while you wrote; nothing of yours was recorded. The ledger says what became of it.`;
      this.say(this.ui.errors.header);
    }
    if (this.welcome(cards)) return;
    if (this.ui.selected && cards.some((c) => c.id === this.ui.selected)) { this.order_seen = cards.map((c) => c.id); return; }
    // What was selected has been decided: the one that took its place is next.
    const at = Math.max(0, (this.order_seen || []).indexOf(this.ui.selected));
    this.order_seen = cards.map((c) => c.id);
    const next = cards[Math.min(at, cards.length - 1)];
    const child = cards.find((c) => c.edited && c.edited === this.ui.selected);
    this.ui.selected = (child || next)?.id || null;
  }

  select(id) {
    if (this.ui.selected === id) return;
    this.ui.selected = id;
    this.among_runs = false;
    if (this.ui.form && this.ui.form.target !== id) this.ui.form = null;
    this.paint();
    this.focus_selected();
  }

  // What the keys speak of: the selected run or proposal, whichever was at hand last.
  at_work() {
    return (this.among_runs && this.root.querySelector(".ais-run.ais-sel")) || this.root.querySelector(".ais-card.ais-sel") || this.root;
  }

  focus_selected() {
    requestAnimationFrame(() => {
      const node = this.at_work();
      node.focus({ preventScroll: true });
      node.scrollIntoView?.({ block: "nearest" });
    });
  }

  select_run(id) {
    this.ui.run = this.ui.run === id ? null : id;
    this.wish({ selected: this.ui.run ? [this.ui.run] : [] });
    this.paint();
    requestAnimationFrame(() => this.root.querySelector(".ais-run.ais-sel")?.focus({ preventScroll: true }));
  }

  open(form) {
    const card = this.snap.review?.cards.find((c) => c.id === form.target);
    this.ui.form = { values: {}, ...form, revision: card?.revision };
    this.ui.found = null;
    this.entered = null;
    delete this.ui.errors[form.target];
    // At once: what is typed next belongs into the field, and must not be taken for keys of the board.
    this.paint_now();
    this.root.querySelector("[data-autofocus]")?.focus();
    const task = card?.task || this.snap.runs?.rows.find((r) => r.id === form.target)?.task || this.snap.header?.task;
    if (this.snap.fields?.[task]?.pool && !["reject", "extend"].includes(form.kind)) this.search(task, "");
  }

  close() {
    if (!this.ui.form) return false;
    const target = this.ui.form.target;
    this.ui.form = null;
    delete this.ui.errors[target];
    // At once, as above: the next key is the board's, and would be lost in a field that is about to go.
    this.paint_now();
    this.focus_selected();
    this.at_work().focus({ preventScroll: true });
    return true;
  }

  // --- keys ----------------------------------------------------------------------------------

  key(event) {
    const save = (event.ctrlKey || event.metaKey) && ["s", "S"].includes(event.key);
    if (!save) event.stopPropagation(); // While the board has the focus, keys are the board's.
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "Escape") {
      if (this.ui.help) { this.ui.help = false; this.paint(); } else if (!this.close() && typing) this.focus_selected();
      event.preventDefault();
      return;
    }
    if (typing || this.ui.form || event.ctrlKey || event.metaKey || event.altKey) return;
    const runs = Boolean(event.target.closest?.("[data-area=runs]"));
    const todo = { j: () => this.move(1, runs), k: () => this.move(-1, runs), ArrowDown: () => this.move(1, runs), ArrowUp: () => this.move(-1, runs) }[event.key] || {
      ...(runs ? {
        p: () => this.on_run("pause", "resume"), x: () => this.on_run("extend"), b: () => this.on_run("branch"), t: () => this.on_run("retry"),
        Enter: event.target.matches?.("tr.ais-run") ? () => this.select_run(event.target.dataset.run) : null,
      } : {}),
      a: () => this.on_card("a"), e: () => this.on_card("e"), r: () => this.on_card("r"), u: () => this.undo(), n: () => this.open({ kind: "own", target: "own" }), s: () => this.on_run("stop"),
      "?": () => { this.ui.help = !this.ui.help; this.paint(); },
    }[event.key];
    if (!todo) return;
    if (/^Arrow/.test(event.key) && !event.target.closest?.(".ais-card, .ais-run")) return;
    event.preventDefault();
    todo();
  }

  move(by, runs) {
    if (runs) {
      const rows = (this.snap.runs?.rows || []).map((r) => r.id);
      const next = rows[Math.max(0, Math.min(rows.length - 1, rows.indexOf(this.ui.run) + by))];
      if (next && next !== this.ui.run) this.select_run(next);
      return;
    }
    const cards = (this.snap.review?.cards || []).map((c) => c.id);
    const next = cards[Math.max(0, Math.min(cards.length - 1, cards.indexOf(this.ui.selected) + by))];
    if (next) this.select(next);
  }

  on_card(key) {
    const card = this.snap.review?.cards.find((c) => c.id === this.ui.selected);
    if (!card) { this.tell("No proposal is selected."); return; }
    const why = this.gone() || this.snap.review.blocked;
    if (why) { this.fail(card.id, why); return; }
    if (key === "a") this.accept(card);
    else if (key === "r") this.open({ kind: "reject", target: card.id });
    else if (card.editable) this.open({ kind: "edit", target: card.id });
    else this.fail(card.id, NO_EDIT);
  }

  undo() {
    const card = this.snap.review?.cards.find((c) => c.id === this.ui.selected);
    if (card && this.undoes_edit(card) && this.root.contains(document.activeElement) && document.activeElement.closest(".ais-card")) {
      this.order("undo", { proposal: card.edited }, card.id);
      return;
    }
    const last = this.last_decided();
    if (last) this.order("undo", { proposal: last.id, revision: last.revision }, `held-${last.id}`);
    else this.tell("No acceptance waits for its launch and nothing was rejected: there is nothing to undo.");
  }

  // Whether the key would take this edit back: not while something was decided after it.
  undoes_edit(card) {
    const last = this.last_decided();
    return Boolean(card.edited && (!last || card.revision > last.revision));
  }

  // The latest acceptance or rejection that can be undone.
  last_decided() {
    const all = [...(this.snap.review?.held || []), ...(this.snap.review?.recent || [])];
    return all.sort((x, y) => y.revision - x.revision)[0];
  }

  // The first of these that the selected run offers; one that is not possible now says why.
  on_run(...verbs) {
    const row = this.snap.runs?.rows.find((r) => r.id === this.ui.run);
    if (!row) { this.tell("Select a run first: tab to the runs, then j and k."); return; }
    const control = row.controls.find((c) => verbs.includes(c.verb));
    const why = control ? this.gone() || control.blocked : `${row.id} is ${row.words} and cannot be ${ASKED[verbs[0]]}.`;
    if (why) this.fail(row.id, why);
    else askRun(this, row, control);
  }

  // --- painting ------------------------------------------------------------------------------

  narrow() { return (this.ui.widths.root || 1000) < 620; }

  countdown(held) {
    if (this.gone()) return { words: "accepted", share: 0 };
    const left = held.left - (performance.now() - this.held) / 1000;
    if (!(held.left > 0)) return { words: held.words, share: 0 };
    if (left <= 0) return { words: "launching…", share: 0 };
    return { words: `${held.words} ${Math.ceil(left)} s`, share: Math.min(1, left / (held.hold || held.left)) };
  }

  tick() {
    const counting = (this.snap.review?.held || []).some((x) => x.left > 0);
    const gone = `${this.not_live()?.title || ""}${this.folded()}${this.told()}`;
    const saving = Object.values(this.ui.pendings).some((p) => p.verb === "figure");
    for (const [place, p] of Object.entries(this.ui.pendings)) {
      if (performance.now() - p.at < SILENCE || (p.verb === "figure" && !this.gone())) continue;
      delete this.ui.pendings[place];
      this.ui.errors[place] = "The kernel has not answered yet; it may be busy. What you asked may still happen: look again before you repeat it.";
    }
    if (counting || saving || gone !== this.was_gone) this.paint();
    this.was_gone = gone;
  }

  measure(key, node) {
    node.__measure = key;
    this.sizes.observe(node);
  }

  resized(entries) {
    let any = false;
    for (const entry of entries) {
      const width = Math.floor(entry.contentRect.width);
      if (width > 0 && Math.abs((this.ui.widths[entry.target.__measure] || 0) - width) > 1) { this.ui.widths[entry.target.__measure] = width; any = true; }
    }
    if (any) this.paint();
  }

  paint() {
    if (this.queued || this.closed) return;
    this.queued = true;
    requestAnimationFrame(() => { this.queued = false; this.paint_now(); });
  }

  paint_now() {
    if (this.closed) return;
    this.tell_where();
    const inside = this.root.contains(document.activeElement);
    reconcile(this.body, [this.tree()], false);
    // What had the focus is gone (a decided card): the keys must go on to work.
    if (inside && !this.root.contains(document.activeElement)) this.at_work().focus({ preventScroll: true });
  }

  tree() {
    const show = (name) => (this.panels.includes(name) && PANELS[name](this)) || null;
    const whole = this.panels.length > 1;
    const busy = this.snap.header ? "" : h("div", { class: "ais-empty" }, "Reading the journal…");
    return h("div", { key: "tree", ref: this.measure_root, class: this.gone() ? "ais-tree ais-stale" : "ais-tree" },
      notLivePanel(this),
      this.folded() ? null : [
        whole ? headerPanel(this) : null, troublesPanel(this), busy,
        whole ? h("div", { key: "columns", class: "ais-columns" },
          h("div", { class: "ais-left" }, show("review"), show("steer"), show("convergence")),
          h("div", { class: "ais-right-column" }, show("belief"), show("runs"), show("live"))) : show(this.panels[0]),
        whole ? show("ledger") : null, footerPanel(this), this.ui.help ? helpOverlay(this) : null]);
  }
}

function helpOverlay(view) {
  return h("div", { key: "help", class: "ais-help", role: "dialog", "aria-label": "Keys", onclick: () => { view.ui.help = false; view.paint(); } },
    h("div", { class: "ais-help-box" }, h("b", {}, "Keys"), h("dl", {}, KEYS.map(([key, words]) => [h("dt", { key }, key.split(/\s+/).map((k) => h("kbd", {}, k))), h("dd", { key: `${key}-words` }, words)])),
      h("p", { class: "ais-dim" }, "They work while the board has the focus; the notebook does not see them.")));
}

// The static summary beside a live view is for when the kernel is not there: hidden while the view lives, shown when it does not.
function summaryBeside(el, view) {
  const area = el.closest(".jp-OutputArea, .output_area, .cell-output-ipywidget-background");
  const places = () => [...(area?.querySelectorAll(".aisteer-summary") || [])].map((node) => node.closest(".jp-OutputArea-child") || node);
  const put = () => {
    const folded = view.folded();
    for (const node of places()) node.style.display = folded ? "" : "none";
    advise(!folded);
  };
  // What brings the board back is said once: above it as long as the view is there.
  const advise = (shown) => { for (const node of area?.querySelectorAll(".aisteer-advice") || []) node.style.display = shown ? "" : "none"; };
  view.summaries = places;
  put();
  const watch = area ? new MutationObserver(put) : null;
  watch?.observe(area, { childList: true, subtree: false });
  const timer = setInterval(put, 250);
  return () => { watch?.disconnect(); clearInterval(timer); for (const node of places()) node.style.display = ""; advise(true); };
}

function render({ model, el }) {
  const view = new View(model, el);
  view.panels.length > 1 ? null : view.root.classList.add("ais-alone");
  let show = () => {};
  requestAnimationFrame(() => { if (!view.closed) show = summaryBeside(el, view); });
  return () => { show(); view.dispose(); };
}

export default { render };
