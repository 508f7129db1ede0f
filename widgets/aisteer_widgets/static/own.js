// A candidate of one's own: typed or placed on the map, with what is expected of it before it is proposed.

// Whether the form stands beneath the map: where it was opened there, or where no proposals are shown.
function own_is_here(ctx) {
  return ctx.panels.includes("belief") && (ctx.ui.form?.from === "map" || !ctx.panels.includes("review"));
}

function ownForm(ctx) {
  const form = ctx.ui.form;
  const tasks = Object.keys(ctx.snap.fields || {});
  form.task = form.task || ctx.snap.header?.task || tasks[0];
  const schema = ctx.snap.fields?.[form.task];
  if (!schema) return null;
  const send = () =>
    ctx.order("propose", { task: form.task, values: form.values || {}, reason: form.reason || "" }, "own");
  return h("div", { key: "own-form", class: "ais-form ais-own" },
    h("b", {}, "Your own candidate"),
    fieldsOf(ctx, form, schema, form.task, {}, send),
    ownPreview(ctx, form),
    reasonField(form, "Your reason (optional)", send),
    h("div", { class: "ais-row" },
      button("Propose", send, { main: true, busy: ctx.pending("own"), kbd: "⏎" }),
      button("Cancel", () => ctx.close(), { kbd: "esc" }),
      ctx.panels.includes("steer")
        ? [
            h("span", { class: "ais-grow" }),
            button("Many: a table…", () => to_table(ctx), {
              small: true,
              title: "Paste a table of points, or of results measured elsewhere",
            }),
          ]
        : null));
}

// Where a table is pasted, which holds many of them.
function to_table(ctx) {
  ctx.close();
  Object.assign(ctx.ui, { steering: true, place: "known" });
  ctx.paint_now();
  const paste = ctx.root.querySelector(".ais-paste");
  paste?.scrollIntoView({ block: "center" });
  paste?.focus({ preventScroll: true });
}

// What the surrogate says of it, beside the AI's best that waits; only of what is typed now.
function ownPreview(ctx, form) {
  const d = ctx.snap.own,
    typed = ctx.own_values(form);
  const same =
    d &&
    d.task === form.task &&
    d.values &&
    Object.keys(typed).length === Object.keys(d.values).length &&
    Object.entries(typed).every(([k, v]) => d.values[k] === v);
  if (!Object.keys(typed).length) return null;
  if (!same || d.busy)
    return h("div", { key: "preview", class: "ais-preview ais-dim", role: "status" }, "Asking the surrogate…");
  if (!d.columns.length)
    return h("div", {
      key: "preview",
      class: d.bad ? "ais-preview ais-refused" : "ais-preview ais-dim",
      role: "status",
    },
      d.words);
  return h("div", {
    key: "preview",
    class: "ais-preview ais-num",
    role: "status",
    "aria-label": "What is expected of it",
  },
    d.columns.map((c, i) =>
      h("div", { key: c.head, class: i ? "ais-column ais-beside-ai" : "ais-column" },
        h("div", { class: "ais-column-head" }, c.head),
        h("dl", { class: "ais-why" },
          c.rows.map((r) => [
            h("dt", { key: r.term }, r.term),
            h("dd", { key: `${r.term}-is` },
              h("b", {}, r.text),
              r.more ? h("span", { class: "ais-dim" }, r.more) : null),
          ]),
          c.nearest.length
            ? [
                h("dt", {}, "Nearest"),
                h("dd", {},
                  h("span", { class: "ais-items" }, c.nearest.map((n) => h("span", { class: "ais-near" }, n)))),
              ]
            : null),
        c.warnings.map((w) => h("span", { key: w, class: "ais-tag ais-warn" }, "⚠ ", w))),
    ));
}
