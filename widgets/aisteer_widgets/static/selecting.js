// What is selected, and the form that is open: they survive every new picture. What is pointed at stays where it is.

function listed(name, part) {
  return (name === "runs" ? part?.rows : part?.cards) || [];
}

const SELECTING = {
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
  },

  keepSelection(cards) {
    const written = this.ui.form?.target;
    if (
      this.snap.review &&
      written &&
      /^P\d+$/.test(written) &&
      !cards.some((c) => c.id === written) &&
      !this.ui.pendings[written]
    ) {
      this.ui.form = null;
      this.ui.errors.header = `${written} was decided elsewhere while you wrote; nothing of yours was recorded. The ledger says what became of it.`;
      this.say(this.ui.errors.header);
    }
    if (this.welcome(cards)) return;
    if (this.ui.selected && cards.some((c) => c.id === this.ui.selected)) {
      this.order_seen = cards.map((c) => c.id);
      return;
    }
    // What was selected has been decided: the one that took its place is next.
    const at = Math.max(0, (this.order_seen || []).indexOf(this.ui.selected));
    this.order_seen = cards.map((c) => c.id);
    const next = cards[Math.min(at, cards.length - 1)];
    const child = cards.find((c) => c.edited && c.edited === this.ui.selected);
    this.ui.selected = (child || next)?.id || null;
  },

  // What somebody points at does not move under the hand: rows and cards keep their order until the pointer, or the keys, have left them.
  hold_still(name, on) {
    const kept = this.still[name];
    if (on === Boolean(kept)) return;
    if (on) this.still[name] = { order: listed(name, this.snap[name]).map((x) => x.id), last: this.snap[name] };
    else {
      delete this.still[name];
      this.snap[name] = kept.last;
      this.paint();
    }
    if (name === "runs") this.wish({ runs_held: on ? this.still[name].order : [] });
  },

  // A part with its rows in the order in which they are held. Of runs a page is shown, and one that fell off it stays as it was until it comes again.
  unmoved(name, part) {
    const kept = this.still[name];
    if (!kept) return part;
    if (!listed(name, part).length || part.page !== kept.last.page || part.filter !== kept.last.filter) {
      delete this.still[name];
      return part;
    }
    const now = new Map(listed(name, part).map((x) => [x.id, x])),
      before = new Map(listed(name, this.snap[name]).map((x) => [x.id, x]));
    const edits = new Map(name === "review" ? part.cards.filter((c) => c.edited).map((c) => [c.edited, c.id]) : []);
    kept.order = kept.order
      .map((id) => (now.has(id) ? id : edits.get(id) || id))
      .filter((id) => now.has(id) || (name === "runs" && before.has(id)));
    kept.order.push(
      ...[...now.keys()]
        .filter((id) => !kept.order.includes(id))
        .slice(0, name === "runs" ? Math.max(0, now.size - kept.order.length) : undefined),
    );
    kept.last = part;
    return { ...part, [name === "runs" ? "rows" : "cards"]: kept.order.map((id) => now.get(id) || before.get(id)) };
  },

  select(id) {
    if (this.ui.selected === id) return;
    this.ui.selected = id;
    this.among_runs = false;
    if (this.ui.form && this.ui.form.target !== id) this.ui.form = null;
    this.paint();
    this.focus_selected();
  },

  // What the keys speak of: the selected run or proposal, whichever was at hand last.
  at_work() {
    return (
      (this.among_runs && this.root.querySelector(".ais-run.ais-sel")) ||
      this.root.querySelector(".ais-card.ais-sel") ||
      this.root
    );
  },

  focus_selected() {
    requestAnimationFrame(() => {
      const node = this.at_work();
      node.focus({ preventScroll: true });
      node.scrollIntoView?.({ block: "nearest" });
    });
  },

  select_run(id) {
    this.ui.run = this.ui.run === id ? null : id;
    this.wish({ selected: this.ui.run ? [this.ui.run] : [] });
    this.paint();
    requestAnimationFrame(() => this.root.querySelector(".ais-run.ais-sel")?.focus({ preventScroll: true }));
  },

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
    if (this.snap.fields?.[task]?.pool && !["reject", "extend", "mark"].includes(form.kind)) this.search(task, "");
  },

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
  },
};
