// The head of the board and its foot: what the campaign is after, where it runs, what it may spend, and what is wrong.

function headerPanel(ctx) {
  const d = ctx.snap.header;
  if (!d) return null;
  return h("header", { key: "header", class: "ais-head" },
    h("div", { class: d.endpoints.length + d.tasks.length > 2 ? "ais-head-row ais-many" : "ais-head-row" },
      h("div", { class: "ais-title" },
        h("h1", { title: d.full_name }, d.name),
        h("div", { class: "ais-dim ais-goal", title: d.objective }, d.objective)),
      d.tasks.length
        ? h("label", { class: "ais-stat" },
            h("span", {}, "Task"),
            h("select", { class: "ais-select", value: d.task, onchange: (e) => ctx.wish({ task: e.target.value }) },
              d.tasks.map((t) => h("option", { value: t.name, selected: t.name === d.task }, t.label))))
        : null,
      h("div", { class: "ais-grow" }),
      d.endpoints.map((e) =>
        h("div", { key: e.name, class: "ais-stat", title: e.title },
          h("b", {},
            h("i", { class: `ais-lamp ais-lamp-${e.state}`, "aria-hidden": "true" },
              { online: "", starting: "", offline: "!", unknown: "?" }[e.state]),
            e.label),
          h("span", {}, e.detail),
          e.note ? h("span", {}, e.note) : null),
      ),
      d.budget
        ? h("div", { class: "ais-stat ais-spending", title: d.budget.title },
            h("button", {
              type: "button",
              class: d.budget.low ? "ais-budget ais-low" : "ais-budget",
              title: `${d.budget.title}. Click to change it.`,
              "aria-expanded": ctx.ui.form?.kind === "budget" ? "true" : "false",
              "aria-label": `Budget: ${d.budget.label}. Change it`,
              onclick: () =>
                ctx.ui.form?.kind === "budget" ? ctx.close() : ctx.open({ kind: "budget", target: "budget" }),
            },
              d.budget.label),
            h("span", { class: "ais-meter", role: "img", "aria-label": d.budget.title },
              h("i", { class: "ais-spent", style: { width: `${100 * d.budget.spent}%` } }),
              h("i", { class: "ais-reserved", style: { width: `${100 * d.budget.reserved}%` } })))
        : null,
      h("label", { class: "ais-stat" },
        h("span", {}, "When a proposal arrives"),
        h("select", {
          class: "ais-select",
          value: d.autonomy.value,
          title: d.autonomy.blocked || d.autonomy.title,
          disabled: Boolean(d.autonomy.blocked),
          "aria-description": d.autonomy.blocked || d.autonomy.title,
          onchange: (e) => {
            const v = e.target.value;
            e.target.value = d.autonomy.value;
            if (v !== d.autonomy.value) ctx.order("autonomy", { value: v }, "header");
          },
        },
          d.autonomy.options.map((o) =>
            h("option", { value: o.value, selected: o.value === d.autonomy.value }, o.label),
          ))),
      empty_starts(ctx)
        ? null
        : button(d.action.label, () => ctx.order(d.action.verb, {}, "header"), {
            main: true,
            blocked: ctx.gone() || d.action.blocked,
            title: d.action.title,
            busy: ctx.pending("header"),
            name: d.action.label,
            key: "action",
          })),
    ctx.ui.form?.kind === "budget" && d.budget ? budgetForm(ctx, d) : null,
    errorLine(ctx, "header"));
}

// What may be spent: another amount, with the reason that the journal keeps; and back to what it was before.
function budgetForm(ctx, d) {
  const form = ctx.ui.form,
    b = d.budget,
    was = ctx.ui.budget_was,
    blocked = ctx.gone() || d.action.blocked;
  const set = (amount) => {
    if (!Number.isFinite(amount) || amount < 0) {
      ctx.fail("budget", `Give an amount in ${b.unit}, 0 or more. Nothing was changed.`);
      return;
    }
    ctx.ui.budget_was = b.amount;
    ctx.order("budget", { amount, reason: form.reason || "" }, "budget");
  };
  const send = () => set(Number((form.amount ?? String(b.amount)).trim() || "none"));
  return h("div", { key: "budget-form", class: "ais-form ais-budget-form" },
    h("div", { class: "ais-fields" },
      h("label", { class: "ais-field" },
        h("span", {}, "Budget", h("small", {}, b.unit)),
        h("input", {
          class: "ais-input ais-num",
          type: "text",
          inputmode: "decimal",
          "data-autofocus": "1",
          "aria-label": `Budget in ${b.unit}`,
          value: form.amount ?? readable(b.amount),
          oninput: (e) => {
            form.amount = e.target.value;
            ctx.paint_now();
          },
          onkeydown: onEnter(send),
        })),
      reasonField(form, "Your reason (kept in the journal)", send)),
    h("div", { class: "ais-row" },
      button("Set the budget", send, { main: true, busy: ctx.pending("budget"), blocked, kbd: "⏎" }),
      was !== undefined && was !== b.amount
        ? button(`Back to ${readable(was)} ${b.unit}`, () => set(was), { busy: ctx.pending("budget"), blocked })
        : null,
      button("Cancel", () => ctx.close(), { kbd: "esc" }),
      h("span", { class: "ais-dim ais-num" }, b.title)),
    errorLine(ctx, "budget"));
}

// Before the start there is one button, in the middle of the empty board.
function empty_starts(ctx) {
  return Boolean(ctx.panels.includes("review") && ctx.snap.review?.empty?.start);
}

function errorLine(ctx, place) {
  const text = ctx.ui.errors[place];
  if (!text) return null;
  return h("div", { key: `error-${place}`, class: "ais-error", role: "alert" },
    h("span", {}, text),
    button(
      "Dismiss",
      () => {
        delete ctx.ui.errors[place];
        ctx.paint();
      },
      { small: true },
    ));
}

function troublesPanel(ctx) {
  const d = ctx.snap.troubles;
  const items = d ? d.items : [];
  if (!items.length) return null;
  return h("section", { key: "troubles", class: "ais-troubles", role: "status", "aria-label": "Needs attention" },
    items.map((t) =>
      h("div", { key: t.source, class: "ais-trouble" },
        h("span", { class: "ais-sign", "aria-hidden": "true" }, "!"),
        h("b", {}, t.source),
        h("span", {}, t.message),
        t.run ? button(`Show ${t.run}`, () => ctx.select_run(t.run), { small: true }) : null),
    ),
    d && d.more ? h("div", { class: "ais-dim" }, d.more) : null);
}

function footerPanel(ctx) {
  const d = ctx.snap.footer;
  if (!d) return null;
  return h("footer", { key: "footer", class: "ais-foot" },
    h("span", { class: "ais-num" }, d.as_of),
    h("span", {}, d.driver),
    h("span", { class: "ais-grow" }),
    ctx.alone && !ctx.panels.includes("review")
      ? null
      : h("button", {
          type: "button",
          class: "ais-keys",
          "aria-expanded": ctx.ui.help ? "true" : "false",
          onclick: () => {
            ctx.ui.help = !ctx.ui.help;
            ctx.paint();
          },
        },
          h("kbd", {}, "j"),
          " ",
          h("kbd", {}, "k"),
          " move  ",
          h("kbd", {}, "a"),
          " accept  ",
          h("kbd", {}, "?"),
          " all keys"),
    h("span", { title: d.title }, d.saved));
}
