// Whether the kernel behind a view is there, as far as the front end says so. The widget's own comm goes dead when the kernel
// restarts; JupyterLab also has a session with a status. Where neither says anything, the pulse is what is left (see board.js).

const ENDING = {
  restarting: "was restarted",
  autorestarting: "died and was restarted",
  terminating: "is shut down",
  dead: "is gone",
};

class KernelWatch {
  constructor(model, el, changed) {
    this.changed = changed;
    this.ended = ""; // what became of it: this view will not live again by itself
    this.lost = false; // no connection, which may come back
    this.stops = [];
    const comm = () => {
      if (el.closest(".jupyter-widgets-disconnected")) this.end("was restarted");
    };
    model.on("comm_live_update", comm);
    this.stops.push(() => model.off("comm_live_update", comm));
    const session = model.widget_manager?.context?.sessionContext || model.widget_manager?.kernel;
    if (!session) return;
    this.hear(session.statusChanged, (_, status) => {
      if (ENDING[status]) this.end(ENDING[status]);
    });
    this.hear(session.connectionStatusChanged, (_, status) => {
      this.lost = status !== "connected";
      this.since = performance.now();
      this.changed();
    });
    this.hear(session.kernelChanged, (_, change) => {
      if (change?.oldValue) this.end(change.newValue ? "was changed for another" : "is gone");
    });
  }

  hear(signal, fn) {
    if (!signal?.connect) return;
    signal.connect(fn);
    this.stops.push(() => signal.disconnect(fn));
  }

  end(what) {
    if (this.ended) return;
    this.ended = what;
    this.since = performance.now();
    this.changed();
  }

  // Word from the kernel: whatever was thought of it, it is there.
  alive() {
    if (!this.ended) return;
    this.ended = "";
    this.changed();
  }

  stop() {
    for (const stop of this.stops) stop();
  }
}

const FOLD_AFTER = 700; // ms for which the greyed board stays before the summary takes its place

// What stands on top of a board that is not live: why, and what brings it back.
function notLivePanel(ctx) {
  const why = ctx.not_live();
  if (!why) return null;
  const again = ctx.snap.header?.again;
  const copy = () =>
    navigator.clipboard?.writeText(again).then(
      () => {
        ctx.ui.copied = true;
        ctx.paint();
      },
      () => ctx.select_text(".ais-again"),
    );
  return h("section", { key: "not-live", class: "ais-notlive", role: "alert", "aria-label": "This board is not live" },
    h("p", {}, h("b", {}, why.title), " ", why.words),
    why.again && again
      ? [
          h("p", {}, "To steer again, run this line in a cell; it works in a fresh kernel by itself:"),
          h("div", { class: "ais-row" },
            h("code", { class: "ais-again", tabindex: "0" }, again),
            button(ctx.ui.copied ? "Copied" : "Copy", copy, { small: true, name: "Copy the line" })),
          h("p", {}, "Running the notebook’s cells from the top works too."),
        ]
      : null,
    ctx.can_fold()
      ? button(
          ctx.ui.unfolded ? "Hide the last picture" : "Show the last picture",
          () => {
            ctx.ui.unfolded = !ctx.ui.unfolded;
            ctx.paint();
          },
          { small: true },
        )
      : null);
}
