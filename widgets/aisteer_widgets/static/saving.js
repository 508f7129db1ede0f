// Saving a panel's figure: a control, how far it is, and where it went.

const PANEL_WORDS = { belief: "what the surrogate believes", live: "observations" };

function saveControl(ctx, panel, shown, title) {
  const place = `figure-${panel}`;
  return button(
    "Save figure",
    () => {
      delete ctx.ui.saved[place];
      ctx.order("figure", { figure: panel, task: ctx.snap.header?.task, ...shown }, place);
    },
    {
      key: place,
      small: true,
      busy: ctx.pending(place),
      blocked: ctx.gone(),
      name: `Save figure of ${title ? title.toLowerCase() : PANEL_WORDS[panel]}`,
      title: "PDF and SVG for a report, with data and provenance beside them, in the campaign’s folder",
    },
  );
}

function savedLine(ctx, panel) {
  const place = `figure-${panel}`,
    pending = ctx.ui.pendings[place],
    saved = ctx.ui.saved[place];
  if (pending) return progressLine(place, pending);
  if (!saved) return errorLine(ctx, place);
  return h("div", { key: `saved-${place}`, class: "ais-saved", role: "status" },
    h("span", {}, saved.message),
    button(
      "Dismiss",
      () => {
        delete ctx.ui.saved[place];
        ctx.paint();
      },
      { small: true },
    ));
}

// Shown once it has taken a second.
function progressLine(place, pending) {
  const seconds = Math.floor((performance.now() - pending.at) / 1000);
  if (seconds < 1) return null;
  const step = pending.step ? `step ${pending.step} of ${pending.steps}: ${pending.words}` : "waiting for its turn";
  return h("div", { key: `progress-${place}`, class: "ais-saved", role: "status" },
    h("progress", {
      class: "ais-progress",
      max: String(pending.steps || 1),
      value: pending.step ? pending.step - 0.5 : 0,
      "aria-label": "Saving the figure",
    }),
    h("span", { class: "ais-num" }, `Saving, ${step}`),
    h("span", { class: "ais-num ais-dim", "aria-hidden": "true" }, `${seconds} s`));
}
