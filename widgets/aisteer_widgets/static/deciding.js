// Accept, edit, reject: the buttons of a card, and the forms that they open.

const NO_EDIT = "There is nothing in it to edit.";

function cardActions(ctx, c) {
  const blocked = ctx.gone() || ctx.snap.review.blocked;
  const busy = ctx.pending(c.id);
  return h("div", { key: "actions", class: "ais-row ais-actions" },
    button(
      busy === "accept"
        ? "Recording…"
        : c.ending || c.stopping
          ? (c.ending || c.stopping).accept
          : c.edited
            ? "Accept my edit"
            : "Accept",
      () => ctx.accept(c),
      { kbd: "a", main: true, blocked: blocked || c.over, busy, name: `Accept ${c.id}`, key: "a" },
    ),
    c.ending || c.stopping
      ? null
      : button("Edit", () => ctx.open({ kind: "edit", target: c.id }), {
          kbd: "e",
          blocked: blocked || (c.editable ? "" : NO_EDIT),
          busy,
          name: `Edit ${c.id}`,
          key: "e",
        }),
    button(
      c.ending || c.stopping ? (c.ending || c.stopping).reject : "Reject…",
      () => ctx.open({ kind: "reject", target: c.id }),
      { kbd: "r", blocked, busy, name: `Reject ${c.id}`, key: "r" },
    ),
    c.edited
      ? button("Back to the AI’s", () => ctx.order("undo", { proposal: c.edited }, c.id), {
          kbd: ctx.undoes_edit(c) ? "u" : null,
          blocked,
          busy,
          title: `Undo the edit: ${c.edited} waits again`,
          key: "u",
        })
      : null,
    c.editable || c.ending || c.stopping ? null : h("span", { class: "ais-dim" }, NO_EDIT),
    c.over
      ? [
          h("span", { key: "over", class: "ais-over ais-num" }, c.over),
          ctx.panels.length > 1
            ? button("Raise the budget…", () => ctx.open({ kind: "budget", target: "budget" }), {
                small: true,
                blocked,
                key: "budget",
              })
            : null,
        ]
      : null);
}

function rejectForm(ctx, c) {
  const form = ctx.ui.form;
  const send = () =>
    ctx.order("reject", { proposal: c.id, revision: form.revision ?? c.revision, reason: form.reason || "" }, c.id);
  return h("div", { key: "reject", class: "ais-form" },
    h("label", { class: "ais-field ais-wide" },
      h("span", {},
        c.ending
          ? "Why go on? The ledger keeps the reason."
          : c.stopping
            ? "Why go on? It is not proposed to be stopped again; the ledger keeps the reason."
            : "Why not? The AI keeps away from it for a while; the ledger keeps the reason."),
      h("input", {
        class: "ais-input",
        type: "text",
        maxlength: "400",
        placeholder: c.stopping
          ? "it may still turn, wanted for the record…"
          : c.ending
            ? "not converged yet, one more region to try…"
            : "unphysical, done before, too expensive…",
        "data-autofocus": "1",
        "aria-label": "Reason for the rejection",
        oninput: (e) => {
          form.reason = e.target.value;
        },
        onkeydown: onEnter(send),
      })),
    h("div", { class: "ais-row" },
      button(c.ending || c.stopping ? "Go on" : "Reject", send, { main: true, busy: ctx.pending(c.id), kbd: "⏎" }),
      button("Cancel", () => ctx.close(), { kbd: "esc" })));
}

function editForm(ctx, c) {
  const form = ctx.ui.form;
  const schema = ctx.snap.fields?.[c.task];
  const send = () => {
    const values = changed(form, c.parameters);
    if (!Object.keys(values).length) {
      ctx.fail(c.id, "Nothing is changed yet. Change a value, or cancel.");
      return;
    }
    ctx.order(
      "edit",
      { proposal: c.id, revision: form.revision ?? c.revision, values, reason: form.reason || "" },
      c.id,
    );
  };
  return h("div", { key: "edit", class: "ais-form" },
    schema
      ? fieldsOf(ctx, form, schema, c.task, Object.fromEntries(c.parameters.map((p) => [p.key, p.raw])), send)
      : null,
    reasonField(form, "Your reason (kept in the ledger)", send),
    h("div", { class: "ais-row" },
      button("Save my edit", send, {
        main: true,
        busy: ctx.pending(c.id),
        kbd: "⏎",
        title: "It becomes a proposal of its own, with a fresh prediction, and waits for your acceptance",
      }),
      button("Cancel", () => ctx.close(), { kbd: "esc" })));
}
