// The keys of the board: what each does, and the page that says so.

const KEYS = [
  ["j  k", "next, previous proposal or run"],
  ["a", "accept the proposal"],
  ["e", "edit it"],
  ["r", "reject it, with a reason"],
  ["u", "undo your last acceptance or rejection that can be undone, else a rule’s"],
  ["n", "propose a candidate of your own"],
  ["tab", "move between proposals and runs"],
  ["s", "stop the selected run"],
  ["p", "among the runs: pause or resume the selected one"],
  ["x  b  t  m", "among the runs: extend, branch, try again, mark bad or put back"],
  ["esc", "close what is open"],
  ["?", "show or hide these keys"],
];

const ASKED = {
  mark: "marked bad",
  stop: "stopped",
  pause: "paused",
  extend: "extended",
  branch: "branched",
  retry: "tried again",
};

const KEYBOARD = {
  key(event) {
    const save = (event.ctrlKey || event.metaKey) && ["s", "S"].includes(event.key);
    if (!save) event.stopPropagation(); // While the board has the focus, keys are the board's.
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "Escape") {
      if (this.ui.help) {
        this.ui.help = false;
        this.paint();
      } else if (!this.close() && typing) this.focus_selected();
      event.preventDefault();
      return;
    }
    if (typing || this.ui.form || event.ctrlKey || event.metaKey || event.altKey) return;
    const runs = Boolean(event.target.closest?.("[data-area=runs]"));
    const todo =
      {
        j: () => this.move(1, runs),
        k: () => this.move(-1, runs),
        ArrowDown: () => this.move(1, runs),
        ArrowUp: () => this.move(-1, runs),
      }[event.key] ||
      {
        ...(runs
          ? {
              p: () => this.on_run("pause", "resume"),
              x: () => this.on_run("extend"),
              b: () => this.on_run("branch"),
              t: () => this.on_run("retry"),
              m: () => this.on_run("mark", "unmark"),
              Enter: event.target.matches?.("tr.ais-run") ? () => this.select_run(event.target.dataset.run) : null,
            }
          : {}),
        a: () => this.on_card("a"),
        e: () => this.on_card("e"),
        r: () => this.on_card("r"),
        u: () => this.undo(),
        n: () => this.open({ kind: "own", target: "own" }),
        s: () => this.on_run("stop"),
        "?": () => {
          this.ui.help = !this.ui.help;
          this.paint();
        },
      }[event.key];
    if (!todo) return;
    if (/^Arrow/.test(event.key) && !event.target.closest?.(".ais-card, .ais-run")) return;
    event.preventDefault();
    todo();
  },

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
  },

  on_card(key) {
    const card = this.snap.review?.cards.find((c) => c.id === this.ui.selected);
    if (!card) {
      this.tell("No proposal is selected.");
      return;
    }
    const why = this.gone() || this.snap.review.blocked;
    if (why) {
      this.fail(card.id, why);
      return;
    }
    if (key === "a" && card.over) this.fail(card.id, card.over);
    else if (key === "a" && card.ending && !this.is_sure(card))
      this.tell(`Press a again to ${card.ending.accept.toLowerCase()}.`);
    else if (key === "a") this.accept(card);
    else if (key === "r") this.open({ kind: "reject", target: card.id });
    else if (card.editable) this.open({ kind: "edit", target: card.id });
    else this.fail(card.id, NO_EDIT);
  },

  // What ends more than one run is not done by a key that was meant for the card before it.
  is_sure(card) {
    const now = performance.now(),
      sure = this.sure?.id === card.id && now - this.sure.at < TOLD;
    this.sure = { id: card.id, at: now };
    return sure;
  },

  undo() {
    const card = this.snap.review?.cards.find((c) => c.id === this.ui.selected);
    if (
      card &&
      this.undoes_edit(card) &&
      this.root.contains(document.activeElement) &&
      document.activeElement.closest(".ais-card")
    ) {
      this.order("undo", { proposal: card.edited }, card.id);
      return;
    }
    const last = this.last_decided();
    if (last) this.order("undo", { proposal: last.id, revision: last.revision }, `held-${last.id}`);
    else this.tell("No acceptance waits for its launch and nothing was rejected: there is nothing to undo.");
  },

  // Whether the key would take this edit back: not while something was decided after it.
  undoes_edit(card) {
    const last = this.last_decided();
    return Boolean(card.edited && (!last || card.revision > last.revision));
  },

  // The latest acceptance or rejection that can be undone: a human's own of the last minutes comes before what a rule did since.
  last_decided() {
    const all = [...(this.snap.review?.held || []), ...(this.snap.review?.recent || [])];
    const own = (x) => !x.by && x.fresh !== false;
    return all.sort((x, y) => own(y) - own(x) || y.revision - x.revision)[0];
  },

  // The first of these that the selected run offers; one that is not possible now says why.
  on_run(...verbs) {
    const row = this.snap.runs?.rows.find((r) => r.id === this.ui.run);
    if (!row) {
      this.tell("Select a run first: tab to the runs, then j and k.");
      return;
    }
    const control = row.controls.find((c) => verbs.includes(c.verb));
    const why = control
      ? this.gone() || control.blocked
      : `${row.id} is ${row.words} and cannot be ${ASKED[verbs[0]]}.`;
    if (why) this.fail(row.id, why);
    else askRun(this, row, control);
  },
};

function helpOverlay(view) {
  return h("div", {
    key: "help",
    class: "ais-help",
    role: "dialog",
    "aria-label": "Keys",
    onclick: () => {
      view.ui.help = false;
      view.paint();
    },
  },
    h("div", { class: "ais-help-box" },
      h("b", {}, "Keys"),
      h("dl", {},
        KEYS.map(([key, words]) => [
          h("dt", { key }, key.split(/\s+/).map((k) => h("kbd", {}, k))),
          h("dd", { key: `${key}-words` }, words),
        ])),
      h("p", { class: "ais-dim" }, "They work while the board has the focus; the notebook does not see them.")));
}
