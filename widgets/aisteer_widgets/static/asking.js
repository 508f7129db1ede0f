// What a view asks of the kernel and what it hears: orders and their answers, wishes, searches, whether anybody is there.

const ASKING = {
  order(verb, data, place) {
    if (this.ui.pendings[place] || this.gone()) return;
    const id = newId();
    this.ui.pendings[place] = { id, verb, at: performance.now() };
    delete this.ui.errors[place];
    this.model.send({ type: "order", id, verb, ...data });
    this.paint();
  },

  wish(data) {
    this.model.send({ type: "wish", ...data });
  },

  // --- where one looks, and a candidate of one's own ------------------------------------------

  // Where the viewer has put the parameters that a picture holds.
  place() {
    return this.ui.at && this.ui.at.task === this.snap.header?.task ? this.ui.at.values : {};
  },

  hold(name, value) {
    this.ui.at = { task: this.snap.header?.task, values: name === null ? {} : { ...this.place(), [name]: value } };
    this.soon("hold", 120, () => this.wish({ belief_at: this.place() }));
    this.paint();
  },

  // Not more often than every `ms`, and the last one always.
  soon(what, ms, act) {
    const timers = (this.timers = this.timers || {});
    if (timers[what]) {
      timers[what].act = act;
      return;
    }
    act();
    timers[what] = { act: null };
    setTimeout(() => {
      const next = timers[what].act;
      delete timers[what];
      if (next && !this.closed) this.soon(what, ms, next);
    }, ms);
  },

  // What is typed of it so far, less what is empty.
  own_values(form) {
    return Object.fromEntries(
      Object.entries(form?.values || {}).filter(([, v]) => v !== "" && v !== undefined && v !== null),
    );
  },

  typed_own() {
    const form = this.ui.form;
    if (form?.kind !== "own") return;
    this.previewed = true;
    this.soon("own", 150, () => {
      if (this.ui.form === form)
        this.wish({ own: this.own_values(form), own_task: form.task || this.snap.header?.task });
    });
    this.paint();
  },

  // A place in the picture becomes the candidate that is being written, or begins one.
  place_own(values) {
    const why = this.gone() || this.snap.review?.blocked;
    if (why) {
      this.tell(why);
      return;
    }
    const form = this.ui.form?.kind === "own" && this.ui.form.from === "map" ? this.ui.form : null;
    if (form) {
      form.values = { ...form.values, ...values };
      form.texts = {};
      this.paint_now();
    } else this.open({ kind: "own", target: "own", from: "map", task: this.snap.header?.task, values });
    this.typed_own();
    this.root.querySelector(".ais-own [data-autofocus]")?.focus();
  },

  // What the kernel should know of where the viewer is: which proposal he looks at, and that he writes no candidate.
  tell_where() {
    if (this.previewed && this.ui.form?.kind !== "own") {
      this.previewed = false;
      this.wish({ own: {}, own_task: "" });
    }
    const looked = this.panels.includes("review") ? this.ui.selected || "" : "";
    if (looked !== (this.looked || "")) {
      this.looked = looked;
      this.wish({ looked });
    }
  },

  search(task, text) {
    clearTimeout(this.searching);
    this.typed = text;
    this.searching = setTimeout(() => {
      this.searched = text;
      this.model.send({ type: "search", task, text });
    }, 120);
  },

  // Whether what was found is what was typed.
  settled() {
    return this.ui.found && this.typed === this.searched && this.ui.found.text === this.typed;
  },

  hear(message) {
    this.word();
    if (message.type === "progress") {
      this.progress(message);
      return;
    }
    if (message.type === "table") {
      if (this.reading?.asked === message.id) {
        this.reading.told = message.told;
        this.paint();
      }
      return;
    }
    if (message.type === "found") {
      this.ui.found = message;
      // Enter came before what was typed had been looked up.
      if (this.entered && this.settled()) {
        const enter = this.entered;
        this.entered = null;
        enter();
      }
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
      if (place === "steer") steered(this);
      if (message.select) {
        this.awaited = message.select;
        this.welcome(this.snap.review?.cards || []);
      }
    } else this.ui.errors[place] = message.message;
    if (message.ok && !message.path) this.tell(message.message);
    else this.say(message.message);
    this.paint();
  },

  progress(message) {
    const pending = Object.values(this.ui.pendings).find((p) => p.id === message.id);
    if (pending) Object.assign(pending, { step: message.step, steps: message.steps, words: message.words });
    this.paint();
  },

  say(text) {
    if (text) this.live.textContent = text;
  },
  // Said where it can be seen as well, beside the heading of the proposals, for a while.
  tell(text) {
    this.ui.told = { text, at: performance.now() };
    this.say(text);
    this.paint();
  },
  told() {
    return this.ui.told && performance.now() - this.ui.told.at < TOLD ? this.ui.told.text : "";
  },
  fail(place, text) {
    this.ui.errors[place] = text;
    this.say(text);
    this.paint();
  },
  pending(place) {
    return this.ui.pendings[place]?.verb;
  },

  accept(card) {
    this.order("accept", { proposal: card.id, revision: card.revision }, card.id);
  },

  // Why nothing can be asked now; empty when all is well.
  gone() {
    const why = this.not_live();
    return why ? `${why.title} ${why.words}` : "";
  },

  // What keeps the board from being live; nothing when it is.
  not_live() {
    const kept = "Nothing is lost, and runs at the endpoint go on.";
    if (this.kernel.ended)
      return {
        again: true,
        title: "Not live any more.",
        words: `The kernel ${this.kernel.ended}; this is the last that it told. ${kept}`,
      };
    if (this.kernel.lost)
      return {
        again: performance.now() - this.kernel.since > SILENCE,
        title: "Not live for the moment.",
        words: `The connection to the kernel is lost; the page tries to reach it again. ${kept}`,
      };
    if (performance.now() - this.heard > SILENCE)
      return {
        again: true,
        title: "Not live for the moment.",
        words: `No word from the kernel: it is busy, was restarted, or is gone. ${kept}`,
      };
    return null;
  },

  word() {
    this.heard = performance.now();
    // What was under way when the kernel ended may still arrive.
    if (this.kernel.ended && this.heard - this.kernel.since > 500) this.kernel.alive();
  },

  // The summary takes the place of a board that will not live again.
  can_fold() {
    return Boolean(this.kernel.ended && this.panels.length > 1 && this.summaries().length);
  },
  folded() {
    return this.can_fold() && !this.ui.unfolded && performance.now() - this.kernel.since > FOLD_AFTER;
  },

  select_text(selector) {
    const node = this.root.querySelector(selector);
    if (node) window.getSelection().selectAllChildren(node);
  },
};
