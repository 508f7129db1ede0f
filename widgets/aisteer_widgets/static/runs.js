// The table of runs, and what can be asked of each.

function runsPanel(ctx) {
  const d = ctx.snap.runs;
  if (!d) return null;
  const filter = (name, words) =>
    h("button", {
      type: "button",
      key: name || "all",
      class: d.filter === name ? "ais-chip ais-on" : "ais-chip",
      "aria-pressed": d.filter === name ? "true" : "false",
      onclick: () => ctx.wish({ runs_filter: name, runs_page: 0 }),
    },
      words);
  return h("section", { key: "runs", class: "ais-runs", "data-area": "runs", "aria-label": "Runs" },
    h("h2", {},
      h("b", {}, "Runs"),
      h("span", { class: "ais-num" }, [d.sub, d.left_out].filter(Boolean).join("; ")),
      h("span", { class: "ais-grow" }),
      d.total || d.filter
        ? [
            filter("", "All"),
            filter("live", "Live"),
            filter("best", "Best first"),
            d.failed ? filter("failed", `Failed ${d.failed}`) : null,
          ]
        : null),
    errorLine(ctx, "runs"),
    d.empty
      ? h("div", { class: "ais-empty ais-slim" }, d.empty)
      : h("div", {
          class: "ais-scroll",
          onpointerenter: () => ctx.hold_still("runs", true),
          onpointerleave: () => ctx.hold_still("runs", false),
          onkeydown: () => ctx.hold_still("runs", true),
          onfocusout: (e) => {
            if (!e.currentTarget.contains(e.relatedTarget) && !e.currentTarget.matches(":hover"))
              ctx.hold_still("runs", false);
          },
        },
          h("table", {},
            h("thead", {},
              h("tr", {},
                h("th", { scope: "col" }, "Run", unitLine(d.point_names)),
                h("th", { scope: "col" }, "State"),
                ctx.narrow() ? null : h("th", { scope: "col" }, d.live_label, unitLine(d.live_unit)),
                h("th", { scope: "col", class: "ais-right" }, d.so_far, unitLine(d.so_far_unit)),
                h("th", {}, h("span", { class: "ais-hidden" }, "Controls")))),
            h("tbody", {}, d.rows.map((r) => runRow(ctx, r))))),
    d.elsewhere ? h("div", { key: "elsewhere", class: "ais-dim ais-more" }, d.elsewhere) : null,
    pager(ctx, d, "runs_page", "runs"));
}

function pager(ctx, d, wish, what) {
  if (d.pages <= 1) return null;
  return h("div", { class: "ais-pager" },
    button("‹", () => ctx.wish({ [wish]: d.page - 1 }), {
      small: true,
      name: `Newer ${what}`,
      blocked: d.page ? "" : "This is the first page.",
    }),
    h("span", { class: "ais-dim ais-num" },
      `page ${d.page + 1} of ${d.pages.toLocaleString("en")}, ${d.total.toLocaleString("en")} ${what}`),
    button("›", () => ctx.wish({ [wish]: d.page + 1 }), {
      small: true,
      name: `Older ${what}`,
      blocked: d.page + 1 < d.pages ? "" : "This is the last page.",
    }));
}

function unitLine(unit) {
  return unit ? h("div", { class: "ais-unit" }, unit) : null;
}

// Whose idea a run was: a shape, its colour and words say the same.
function originOf(r) {
  return h("div", { class: "ais-origin" },
    r.origin.mark
      ? h("svg", { width: 13, height: 12, viewBox: "0 0 13 12", "aria-hidden": "true" },
          mark(r.origin.mark, 6.5, 6, 4, { class: "ais-hollow" }))
      : null,
    r.origin.words);
}

function runRow(ctx, r) {
  const chosen = ctx.ui.run === r.id;
  const rows_shown = ctx.snap.runs.rows;
  const reachable = chosen || (r === rows_shown[0] && !rows_shown.some((x) => x.id === ctx.ui.run));
  const form = ctx.ui.form?.target === r.id ? ctx.ui.form : null;
  const stop = r.controls.find((c) => ["stop", "resume", "retry"].includes(c.verb));
  const rows = [
    h("tr", {
      key: r.id,
      class: ["ais-run", chosen && "ais-sel", r.bad && "ais-struck"].filter(Boolean).join(" "),
      "data-run": r.id,
      tabindex: reachable ? "0" : "-1",
      "aria-selected": chosen ? "true" : "false",
      onclick: () => ctx.select_run(r.id),
    },
      h("td", {},
        h("div", { class: "ais-row" },
          h("b", {}, r.id),
          r.best ? h("span", { class: "ais-tag ais-best-tag" }, "★ ", r.best) : null),
        originOf(r),
        h("div", { class: "ais-dim ais-what", title: r.point }, r.what)),
      r.tone === "bad"
        ? h("td", { class: "ais-att" },
            h("span", { "aria-hidden": "true" }, "✕ "),
            r.words,
            r.since ? h("div", { class: "ais-dim" }, `after ${r.since}`) : null)
        : h("td", { class: `ais-state ais-tone-${r.tone}` },
            r.progress !== null
              ? h("span", {
                  class: "ais-bar",
                  role: "progressbar",
                  "aria-valuenow": Math.round(100 * r.progress),
                  "aria-valuemin": 0,
                  "aria-valuemax": 100,
                  "aria-label": `progress of ${r.id}`,
                },
                  h("i", { style: { width: `${100 * r.progress}%` } }))
              : h("i", { class: `ais-lamp ais-run-${r.tone}`, "aria-hidden": "true" }),
            r.words,
            h("div", { class: "ais-dim ais-num ais-since" }, [r.since, r.attempt].filter(Boolean).join(", "))),
      r.tone === "bad"
        ? h("td", { colspan: ctx.narrow() ? "1" : "2", class: "ais-message" }, r.message)
        : ctx.narrow()
          ? null
          : h("td", {},
              r.spark.length > 1
                ? h("span", { class: "ais-sparkcell", title: r.latest },
                    spark(r.spark, r.tone),
                    h("span", { class: "ais-dim ais-num" }, r.live ? r.latest_short : ""))
                : h("span", { class: "ais-dim" }, r.message || (r.live ? "no observation yet" : ""))),
      r.tone === "bad"
        ? null
        : h("td", { class: "ais-right ais-num", title: r.value.note || null },
            r.value.text ? (r.live ? h("span", { class: "ais-dim" }, r.value.text) : h("b", {}, r.value.text)) : null,
            r.besides.map((words) => h("div", { class: "ais-dim ais-note" }, words)),
            r.value.note ? h("div", { class: "ais-dim ais-note" }, r.value.note) : null),
      h("td", { class: "ais-controls" },
        stop ? controlButton(ctx, r, stop) : null,
        r.controls.length > (stop ? 1 : 0)
          ? button("⋯", () => ctx.select_run(chosen ? null : r.id), {
              small: true,
              name: `More for ${r.id}`,
              title: chosen
                ? "Less"
                : `More: ${r.controls
                    .filter((c) => c !== stop)
                    .map((c) => c.label.replace("…", "").toLowerCase())
                    .join(", ")}`,
            })
          : null)),
  ];
  if (chosen || form || ctx.ui.errors[r.id])
    rows.push(
      h("tr", { key: `${r.id}-more`, class: "ais-run ais-detail" },
        h("td", { colspan: ctx.narrow() ? "4" : "5" },
          chosen
            ? h("div", { class: "ais-row" },
                r.controls.filter((c) => c !== stop).map((c) => controlButton(ctx, r, c)),
                h("span", { class: "ais-grow" }),
                h("span", { class: "ais-dim ais-num" }, r.latest))
            : null,
          chosen ? whyNot(ctx, r) : null,
          r.tone !== "bad" && r.message && chosen ? h("div", { class: "ais-dim" }, r.message) : null,
          form ? runForm(ctx, r, form) : null,
          errorLine(ctx, r.id))),
    );
  return rows;
}

const FORMS = new Set(["extend", "branch", "retry", "mark"]);

function askRun(ctx, r, c) {
  if (FORMS.has(c.verb)) ctx.open({ kind: c.verb, target: r.id });
  else ctx.order(c.verb, { run: r.id }, r.id);
}

function controlButton(ctx, r, c) {
  return button(c.label, () => askRun(ctx, r, c), {
    key: c.verb,
    small: true,
    blocked: ctx.gone() || c.blocked,
    title: c.title,
    busy: ctx.pending(r.id) === c.verb,
    name: `${c.label} ${r.id}`,
  });
}

// Why what is greyed cannot be asked now: on the screen, not only under the mouse.
function whyNot(ctx, r) {
  const found = new Map();
  for (const c of r.controls)
    if (c.blocked) found.set(c.blocked, [...(found.get(c.blocked) || []), c.label.replace("…", "")]);
  return [...found].map(([why, labels]) =>
    h("div", { key: `why-${labels[0]}`, class: "ais-dim ais-why-not" }, h("b", {}, labels.join(", ")), `: ${why}`),
  );
}

function runForm(ctx, r, form) {
  const more = () => ({ mark: { bad: true }, branch: { from_observation: form.at || "" } })[form.kind];
  const send = () =>
    ctx.order(form.kind, { run: r.id, values: clean(form.values), reason: form.reason || "", ...more() }, r.id);
  const words = {
    extend: "How far should it go? A number is the total, not what is added.",
    branch: "Continue from one of its checkpoints, with these changed:",
    retry: "Propose it again; change what made it fail:",
    mark: "Its outcome leaves the fit and the calibration. It stays on record and can be put back.",
  }[form.kind];
  const schema = ctx.snap.fields?.[r.task];
  const names = form.kind === "extend" ? r.extends : null;
  const use = form.kind === "mark" ? null : names ? { pool: false, fields: names } : schema;
  return h("div", { key: `form-${form.kind}`, class: "ais-form" },
    h("b", {}, words),
    use ? fieldsOf(ctx, form, use, r.task, form.kind === "extend" ? {} : r.parameters, send) : null,
    form.kind === "branch" ? fromField(form, r, send) : null,
    reasonField(form, "Your reason (kept in the journal)", send, form.kind === "mark"),
    h("div", { class: "ais-row" },
      button({ extend: "Extend", branch: "Branch", retry: "Propose again", mark: "Mark bad" }[form.kind], send, {
        main: true,
        busy: ctx.pending(r.id),
        kbd: "⏎",
      }),
      button("Cancel", () => ctx.close(), { kbd: "esc" })));
}

// Where a branch begins: the checkpoint nearest to what was seen then.
function fromField(form, r, send) {
  form.seen ??= r.observations; // as it stood when the form was opened: a live run goes on
  const range = form.seen > 1 ? `, 0 to ${(form.seen - 1).toLocaleString("en")}` : "";
  const hint = `empty: its last checkpoint; a number${range}: the checkpoint nearest to it`;
  return h("label", { key: "from", class: "ais-field ais-wide" },
    h("span", {}, "From observation", h("small", {}, hint)),
    h("input", {
      class: "ais-input ais-num",
      type: "text",
      inputmode: "numeric",
      maxlength: "12",
      "aria-label": "From observation",
      "aria-description": hint,
      value: form.at || "",
      oninput: (e) => {
        form.at = e.target.value;
      },
      onkeydown: onEnter(send),
    }));
}

function clean(values) {
  return Object.fromEntries(Object.entries(values || {}).filter(([, v]) => v !== ""));
}
