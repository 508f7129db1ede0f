// One view: it holds what is on the screen, paints it when something changed, and sends what was asked.

const PANELS = {
  review: reviewPanel,
  runs: runsPanel,
  live: livePanel,
  convergence: convergencePanel,
  belief: beliefPanel,
  steer: steerPanel,
  ledger: ledgerPanel,
};
const TOLD = 8000; // ms for which what was done stays on the screen
const SILENCE = 15000; // ms without a word from the kernel after which it is taken for gone

class View {
  constructor(model, el) {
    this.model = model;
    this.panels = model.get("_panels");
    this.uid = `ais-${newId().slice(0, 12)}`;
    this.alone = this.panels.length === 1;
    this.snap = {};
    this.ui = {
      selected: null,
      run: null,
      form: null,
      errors: {},
      pendings: {},
      widths: {},
      help: false,
      found: null,
      ledger: false,
      saved: {},
      unfolded: false,
      copied: false,
    };
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
    this.still = {}; // what is held where it stands: by part, the names in their order, and the part as it came last
    this.measure_root = (node) => this.measure("root", node);
    this.kernel = new KernelWatch(model, el, () => this.paint());
    this.summaries = () => [];
    this.listen();
    for (const name of model.get("_parts")) this.take(name);
    model.send({ type: "painted", pulse: model.get("pulse") });
    this.wish({ runs_held: [] }); // a view that is gone (a page that was loaded anew) may have left them held
    this.paint();
    this.ticker = setInterval(() => this.tick(), 250);
  }

  listen() {
    this.handlers = [];
    const on = (event, fn) => {
      this.model.on(event, fn);
      this.handlers.push([event, fn]);
    };
    for (const name of this.model.get("_parts"))
      on(`change:${name}`, () => {
        this.take(name);
        this.paint();
      });
    on("change:pulse", () => {
      this.word();
      if (!document.hidden) this.model.send({ type: "painted", pulse: this.model.get("pulse") });
    });
    on("msg:custom", (message) => this.hear(message));
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.root.addEventListener("focusin", (event) => {
      this.among_runs = Boolean(event.target.closest?.("[data-area=runs]"));
    });
    // The notebook must not take a click in the board for one in its cell.
    for (const kind of ["mousedown", "dblclick", "contextmenu"])
      this.root.addEventListener(kind, (event) => event.stopPropagation());
    this.root.addEventListener("mousedown", (event) => {
      if (event.target === this.root || event.target === this.body) this.root.focus({ preventScroll: true });
    });
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
    this.snap[name] = this.unmoved(name, part);
    this.stamps[name] = (this.stamps[name] || 0) + 1;
    this.word();
    if (name === "review") {
      this.held = performance.now();
      this.keepSelection(this.snap.review.cards);
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

  stamp(name) {
    return this.stamps[name];
  }

  // --- painting ------------------------------------------------------------------------------

  narrow() {
    return (this.ui.widths.root || 1000) < 620;
  }

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
      this.ui.errors[place] =
        "The kernel has not answered yet; it may be busy. What you asked may still happen: look again before you repeat it.";
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
      if (width > 0 && Math.abs((this.ui.widths[entry.target.__measure] || 0) - width) > 1) {
        this.ui.widths[entry.target.__measure] = width;
        any = true;
      }
    }
    if (any) this.paint();
  }

  paint() {
    if (this.queued || this.closed) return;
    this.queued = true;
    requestAnimationFrame(() => {
      this.queued = false;
      this.paint_now();
    });
  }

  paint_now() {
    if (this.closed) return;
    this.tell_where();
    const inside = this.root.contains(document.activeElement);
    reconcile(this.body, [this.tree()], false);
    // What had the focus is gone (a decided card): the keys must go on to work.
    if (inside && !this.root.contains(document.activeElement)) this.at_work().focus({ preventScroll: true });
  }

  // A panel that cannot be drawn says so, and costs the others nothing.
  guarded(name) {
    try {
      return PANELS[name](this) || null;
    } catch (error) {
      console.error(`aisteer: the panel ${name} cannot be drawn`, error);
      return h("section", { key: name, class: `ais-${name}` },
        h("div", { class: "ais-error", role: "alert" },
          `This panel cannot be drawn now (${error.message}). The campaign and the other panels go on.`));
    }
  }

  tree() {
    const show = (name) => (this.panels.includes(name) ? this.guarded(name) : null);
    const whole = this.panels.length > 1;
    const busy = this.snap.header ? "" : h("div", { class: "ais-empty" }, "Reading the journal…");
    return h("div", { key: "tree", ref: this.measure_root, class: this.gone() ? "ais-tree ais-stale" : "ais-tree" },
      notLivePanel(this),
      this.folded()
        ? null
        : [
            whole ? headerPanel(this) : null,
            troublesPanel(this),
            busy,
            whole
              ? h("div", { key: "columns", class: "ais-columns" },
                  h("div", { class: "ais-left" }, show("review"), show("steer"), show("convergence")),
                  h("div", { class: "ais-right-column" }, show("belief"), show("runs"), show("live")))
              : show(this.panels[0]),
            whole ? show("ledger") : null,
            footerPanel(this),
            this.ui.help ? helpOverlay(this) : null,
          ]);
  }
}

Object.assign(View.prototype, ASKING, SELECTING, KEYBOARD);

function render({ model, el }) {
  const view = new View(model, el);
  view.panels.length > 1 ? null : view.root.classList.add("ais-alone");
  let show = () => {};
  requestAnimationFrame(() => {
    if (!view.closed) show = summaryBeside(el, view);
  });
  return () => {
    show();
    view.dispose();
  };
}

export default { render };
