// Every decision, beside what came of it.

function ledgerPanel(ctx) {
  const d = ctx.snap.ledger;
  if (!d) return null;
  const open = ctx.ui.ledger || ctx.alone;
  return h("section", { key: "ledger", class: "ais-ledger", "aria-label": "Ledger of decisions" },
    h("h2", {},
      ctx.alone
        ? h("b", {}, "Ledger")
        : h("button", {
            type: "button",
            class: "ais-fold",
            "aria-expanded": open ? "true" : "false",
            onclick: () => {
              ctx.ui.ledger = !open;
              ctx.wish({ hindsight: !open });
              ctx.paint();
            },
          },
            open ? "▾ " : "▸ ",
            h("b", {}, "Ledger")),
      h("span", {}, d.sub),
      h("span", { class: "ais-dim" }, "every decision, beside what came of it")),
    !open
      ? null
      : d.empty
        ? h("div", { class: "ais-empty ais-slim" }, d.empty)
        : [
            h("div", { class: "ais-scroll" },
              h("table", {},
                h("thead", {},
                  h("tr", {},
                    ["Proposal", "Point", "Predicted", "Decision", "Reason", "Run", "Outcome", "Off by"].map((t) =>
                      h("th", {
                        scope: "col",
                        class: ["Predicted", "Outcome", "Off by"].includes(t) ? "ais-right" : "",
                      },
                        t,
                        ["Predicted", "Outcome"].includes(t)
                          ? unitLine(d.unit)
                          : t === "Point"
                            ? unitLine(d.point_names)
                            : null),
                    ))),
                h("tbody", {}, d.rows.map((r) => ledgerRow(r))))),
            pager(ctx, d, "ledger_page", "proposals"),
            lookedBack(ctx),
          ]);
}

// What decisions brought. It describes; only what chance had run beside an edit speaks of a cause.
function lookedBack(ctx) {
  const d = ctx.snap.hindsight;
  if (!d || !d.rates) return null;
  return h("div", { key: "hindsight", class: "ais-hindsight", role: "group", "aria-label": "What decisions brought" },
    h("h3", {}, "What decisions brought"),
    d.empty
      ? h("div", { class: "ais-dim" }, d.empty)
      : [
          rateRows(d.rates, "Shares with their 95 % intervals"),
          h("p", { key: "bars", class: "ais-note-line ais-dim" },
            "bars: 95 % interval of the share; dashed: the 90 % that predictions claim"),
        ],
    d.edits.length
      ? h("div", { key: "edits", class: "ais-scroll" },
          h("table", {},
            h("thead", {},
              h("tr", {},
                [
                  "Edit",
                  "What was changed",
                  "AI’s pick, predicted",
                  "Yours, predicted",
                  "Yours, measured",
                  "AI’s, measured",
                ].map((t, i) => h("th", { scope: "col", class: i > 1 ? "ais-right" : "" }, t)))),
            h("tbody", {}, d.edits.map((e) => editRow(e)))))
      : null,
    d.edits.length
      ? h("p", { key: "of", class: "ais-note-line ais-dim" },
          [`of ${d.outcome}; ± is one standard deviation`, d.more].filter(Boolean).join("; "))
      : null,
    d.effect ? h("p", { key: "effect", class: "ais-note-line" }, d.effect) : null);
}

function editRow(e) {
  const cell = (head, look, title, ...what) => h("td", { class: look || null, title, "data-head": head }, ...what);
  const measured = (value, run) =>
    value ? [value, h("div", { class: "ais-dim" }, run)] : [h("span", { class: "ais-dim" }, run || "not run")];
  return h("tr", { key: e.id },
    cell(
      "",
      "",
      null,
      h("b", {}, e.id),
      h("div", { class: "ais-dim ais-nowrap" }, `of ${e.parent}${e.by ? `, by ${e.by}` : ""}`),
    ),
    cell("changed", "ais-message", e.reason, e.changed, e.reason ? h("div", { class: "ais-dim" }, e.reason) : null),
    cell("AI’s, predicted", "ais-right ais-num", null, e.ai_predicted),
    cell("yours, predicted", "ais-right ais-num", null, e.predicted),
    cell("yours, measured", "ais-right ais-num", null, measured(e.outcome, e.run)),
    cell("AI’s, measured", "ais-right ais-num", e.drawn || null, measured(e.ai_outcome, e.ai_run)));
}

// Each cell says its heading as well, for where there is no room for a table.
function ledgerRow(r) {
  const cell = (head, look, title, ...what) => h("td", { class: look || null, title, "data-head": head }, ...what);
  return h("tr", { key: r.id },
    cell("", "", null, h("b", {}, r.id), h("div", { class: "ais-dim ais-nowrap" }, r.by)),
    cell("at", "ais-point-cell", r.full, r.what),
    cell("predicted", "ais-right ais-num", null, r.predicted),
    cell("", "ais-rule", r.time, r.verdict, r.who ? h("div", { class: "ais-dim" }, `by ${r.who}`) : null),
    cell("because", "ais-message", r.reason_full, r.reason),
    cell("run", "", null, r.run),
    cell("outcome", "ais-right ais-num", null, r.outcome),
    cell("off by", "ais-right ais-num", null, r.off));
}
