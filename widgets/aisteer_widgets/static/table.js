// A table of one's own: pasted or chosen, checked where the campaign is, shown, and then taken.

function steerTable(ctx, d, form) {
  const t = (form.table = form.table || { text: "", source: "" });
  const told = t.told,
    blocked = ctx.gone() || ctx.snap.review?.blocked || d.mind.blocked,
    purpose = t.purpose || told?.purpose;
  const of = told && !told.wrong ? told[purpose] : null;
  const read = (text) => {
    t.text = text;
    t.told = null;
    t.purpose = undefined;
    t.leave = false;
    ctx.paint_now();
    ctx.soon("table", 250, () => readTable(ctx, d.task, t));
  };
  const file = (e) => {
    const chosen = e.target.files[0];
    e.target.value = "";
    if (!chosen) return;
    if (!t.source) t.source = chosen.name;
    chosen.text().then(read);
  };
  const take = () => {
    asked(ctx, "take", { text: t.text, purpose, source: t.source, leave_out: Boolean(t.leave) }, () => {
      form.table = null;
    });
  };
  const heads = (purpose === "points" ? d.table.points : d.table.results).join(", ");
  const kind = (value, words, why) =>
    h("label", { key: value, class: "ais-check", title: why || null },
      h("input", {
        type: "radio",
        name: `${ctx.uid}-purpose`,
        checked: purpose === value,
        disabled: Boolean(why),
        onchange: () => {
          t.purpose = value;
          ctx.paint_now();
        },
      }),
      ` ${words}`);
  return h("div", { key: "table", class: "ais-steer-box", "data-place": "table" },
    h("label", { class: "ais-field ais-wide" },
      h("span", {}, "A table: results measured elsewhere, or points of your own. Its first line names the columns."),
      h("textarea", {
        class: "ais-input ais-paste",
        rows: "4",
        spellcheck: "false",
        placeholder: `paste it here: ${heads}`,
        "aria-label": "Table, pasted",
        value: t.text,
        oninput: (e) => read(e.target.value),
      })),
    h("div", { class: "ais-row" },
      h("label", { class: "ais-btn ais-small ais-file" },
        "Choose a file…",
        h("input", {
          type: "file",
          accept: ".csv,.tsv,.txt,text/csv,text/tab-separated-values",
          "aria-label": "Choose a file with a table",
          onchange: file,
        })),
      t.text
        ? button(
            "Clear",
            () => {
              form.table = null;
              ctx.paint_now();
            },
            { small: true },
          )
        : null,
      h("span", { class: "ais-dim" },
        "CSV, or copied out of a spreadsheet. Units in brackets are checked: temperature (K).")),
    !t.text.trim()
      ? null
      : !told
        ? h("div", { class: "ais-dim", role: "status" }, "Reading it…")
        : told.wrong
          ? h("div", { class: "ais-preview ais-refused", role: "status" }, told.wrong)
          : [
              tableSample(told),
              h("div", { key: "kind", class: "ais-row", role: "radiogroup", "aria-label": "What the table is" },
                kind("results", "results measured elsewhere", told.no_results),
                kind("points", "points of my own, to be decided on")),
              tableFaults(ctx, t, of),
              purpose === "results"
                ? h("label", { key: "source", class: "ais-field ais-wide" },
                    h("span", {}, "Where they come from"),
                    h("input", {
                      class: "ais-input",
                      type: "text",
                      maxlength: "200",
                      placeholder: "Smith 2021",
                      value: t.source,
                      oninput: (e) => {
                        t.source = e.target.value;
                        ctx.paint_now();
                      },
                    }))
                : null,
              h("div", { key: "take", class: "ais-row" },
                button(
                  purpose === "results"
                    ? `Add ${of.fit.toLocaleString("en")} ${of.fit === 1 ? "result" : "results"}`
                    : `Propose ${of.fit.toLocaleString("en")} ${of.fit === 1 ? "point" : "points"}`,
                  take,
                  {
                    main: true,
                    busy: ctx.pending("steer"),
                    blocked:
                      blocked ||
                      (!of.fit
                        ? "No row fits."
                        : of.out && !t.leave
                          ? "Some rows do not fit: mend them, or leave them out."
                          : purpose === "results" && !t.source.trim()
                            ? "Say where they come from first."
                            : ""),
                  },
                ),
                h("span", { class: "ais-dim" },
                  purpose === "results"
                    ? "They inform the AI, are no runs and cost nothing; they can be taken out again."
                    : "They wait for your decision like others; nothing runs that was not accepted.")),
            ]);
}

function readTable(ctx, task, t) {
  if (!t.text.trim()) return;
  t.asked = newId();
  ctx.reading = t;
  ctx.model.send({ type: "table", id: t.asked, task, text: t.text });
}

function tableSample(told) {
  const side = (i) => `${told.columns[i].taken ? "" : "ais-untaken "}${told.columns[i].number ? "ais-right" : ""}`;
  return h("div", { key: "sample", class: "ais-scroll" },
    h("table", { class: "ais-table ais-num" },
      h("caption", { class: "ais-dim" },
        `${told.rows.toLocaleString("en")} ${told.rows === 1 ? "row" : "rows"}${told.rows > told.sample.length ? `, the first ${told.sample.length} shown` : ""}`),
      h("thead", {},
        h("tr", {},
          told.columns.map((c, i) =>
            h("th", { key: i, scope: "col", class: side(i) }, c.head, h("small", {}, c.words)),
          ))),
      h("tbody", {},
        told.sample.map((row, n) =>
          h("tr", { key: n }, row.map((cell, i) => h("td", { key: i, class: side(i) }, cell))),
        ))));
}

function tableFaults(ctx, t, of) {
  if (!of.out) return h("div", { key: "faults", class: "ais-dim" }, "All rows fit.");
  return h("div", { key: "faults", class: "ais-preview ais-refused ais-faults", role: "status" },
    h("b", {}, `${of.out.toLocaleString("en")} of the rows ${of.out === 1 ? "does" : "do"} not fit`),
    h("ul", {},
      of.faults.map((f) => h("li", { key: f.line }, h("b", {}, `line ${f.line}: `), f.words)),
      of.more ? h("li", { key: "more" }, of.more) : null),
    of.fit
      ? h("label", { class: "ais-check" },
          h("input", {
            type: "checkbox",
            checked: Boolean(t.leave),
            onchange: (e) => {
              t.leave = e.target.checked;
              ctx.paint_now();
            },
          }),
          ` leave ${of.out === 1 ? "it" : "them"} out`)
      : null);
}
