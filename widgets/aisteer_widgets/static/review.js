// What waits for a decision: the proposals as cards, what was decided lately, and why nothing waits where nothing does.

function reviewPanel(ctx) {
  const d = ctx.snap.review;
  if (!d) return null;
  return h("section", {
    key: "review",
    class: "ais-review",
    "data-area": "review",
    "aria-label": "Proposals to review",
  },
    h("h2", {},
      h("b", {}, d.heading),
      h("span", { class: ctx.told() ? "ais-said ais-told" : "ais-said", title: ctx.told() || d.sub_title || null },
        ctx.told() || d.sub || "\u00a0"),
      h("span", { class: "ais-grow" }),
      button("Propose…", () => ctx.open({ kind: "own", target: "own" }), {
        kbd: "n",
        small: true,
        blocked: ctx.gone() || d.blocked,
        key: "own",
      })),
    ctx.ui.form?.kind === "own" && !own_is_here(ctx) ? ownForm(ctx) : null,
    own_is_here(ctx) ? null : errorLine(ctx, "own"),
    d.empty ? emptyState(ctx, d.empty) : null,
    h("div", {
      key: "cards",
      role: "list",
      onpointerenter: () => ctx.hold_still("review", true),
      onpointerleave: () => ctx.hold_still("review", false),
    },
      d.cards.map((c) => cardView(ctx, c))),
    d.more ? h("div", { class: "ais-dim ais-more" }, d.more) : null,
    h("div", { key: "held", class: "ais-held" },
      d.held.map((x) => heldLine(ctx, x, ctx.last_decided()?.id === x.id)),
      d.recent.map((x) => recentLine(ctx, x, ctx.last_decided()?.id === x.id))),
    d.last ? h("div", { class: "ais-dim ais-last" }, d.last) : null);
}

function emptyState(ctx, e) {
  const action = ctx.snap.header?.action;
  return h("div", { key: "empty", class: "ais-empty" },
    h("b", {}, e.title),
    h("p", {}, e.text),
    e.start && action
      ? button(action.label, () => ctx.order(action.verb, {}, "header"), {
          main: true,
          blocked: ctx.gone() || action.blocked,
          busy: ctx.pending("header"),
          title: action.title,
        })
      : null);
}

function cardView(ctx, c) {
  const chosen = ctx.ui.selected === c.id;
  const full = chosen || ctx.snap.review.cards.length === 1;
  const form = ctx.ui.form?.target === c.id ? ctx.ui.form : null;
  const classes = ["ais-card", `ais-tone-${c.tone}`, chosen && "ais-sel", full ? "" : "ais-compact"]
    .filter(Boolean)
    .join(" ");
  return h("article", {
    key: c.id,
    class: classes,
    tabindex: chosen ? "0" : "-1",
    role: "listitem",
    "data-proposal": c.id,
    "aria-current": chosen ? "true" : null,
    "aria-label": `${c.id}, ${c.who}, ${c.parameters.map((p) => `${p.name} ${p.value}`).join(", ")}${c.expected ? `, expected ${c.expected.text}` : ""}`,
    onclick: () => ctx.select(c.id),
  },
    h("div", { class: "ais-row" },
      h("span", { class: "ais-id" }, c.id),
      h("span", { class: "ais-dim ais-who", title: c.ranked || null }, c.who),
      c.warnings.map((w, i) => h("span", { key: `w${i}`, class: "ais-tag ais-warn", title: w }, "⚠ ", w)),
      h("span", { class: "ais-grow" }),
      c.cost ? h("span", { class: "ais-tag ais-num", title: "expected cost" }, c.cost) : null),
    h("div", { class: "ais-body" },
      h("div", { class: "ais-facts" },
        h("div", { class: "ais-row ais-params" },
          c.parameters.map((p) => parameterChip(p)),
          !full && c.expected && !c.expected.pending
            ? h("span", { class: "ais-num ais-brief" }, interval(c.expected, 110), h("b", {}, c.expected.text))
            : null),
        full && c.picture ? beside(c) : null),
      c.picture
        ? h("img", {
            class: full ? "ais-molecule" : "ais-molecule ais-molecule-small",
            src: c.picture,
            alt: `structure of ${c.smiles}`,
            title: c.smiles,
          })
        : null),
    c.ending ? endingBody(c, full) : full ? whyList(c) : null,
    form ? (form.kind === "reject" ? rejectForm(ctx, c) : editForm(ctx, c)) : full ? cardActions(ctx, c) : null,
    errorLine(ctx, c.id));
}

function parameterChip(p) {
  return h("span", { key: p.key, class: p.old ? "ais-p ais-edited" : "ais-p", title: `${p.name} ${p.full}` },
    p.name,
    " ",
    p.old ? h("s", {}, p.old) : null,
    h("b", { class: "ais-num" }, p.value));
}

// Beside a picture there is room for what is expected, one thing under the other.
function beside(c) {
  const e = c.expected;
  if (!e) return null;
  if (e.pending) return h("div", { class: "ais-dim" }, e.text);
  return h("div", { class: "ais-beside ais-num" },
    h("div", {}, h("span", { class: "ais-dim" }, `${e.term} `), h("b", { title: SPREAD }, e.text)),
    interval(e, 170),
    e.band ? h("div", { class: "ais-dim" }, e.band) : null,
    e.parent ? h("div", {}, e.parent) : null,
    e.best_text ? h("div", { class: "ais-dim" }, e.best_text) : null);
}

function heldLine(ctx, x, last) {
  const left = ctx.countdown(x);
  return h("div", { key: `held-${x.id}`, class: "ais-heldline" },
    h("span", { class: "ais-ring", style: { "--left": String(left.share) }, "aria-hidden": "true" }),
    h("div", { class: "ais-held-words" },
      h("div", { class: "ais-what-held", title: x.what }, h("b", {}, x.id), ` ${x.what}`),
      h("div", { class: "ais-num ais-dim" }, left.words)),
    button("Undo", () => ctx.order("undo", { proposal: x.id, revision: x.revision }, `held-${x.id}`), {
      kbd: last ? "u" : null,
      small: true,
      busy: ctx.pending(`held-${x.id}`),
      blocked: ctx.gone(),
      name: `Undo ${x.id}`,
    }),
    errorLine(ctx, `held-${x.id}`));
}

function recentLine(ctx, x, last) {
  return h("div", { key: `recent-${x.id}`, class: "ais-heldline" },
    h("span", { class: "ais-ring ais-rejected", "aria-hidden": "true" }, "✕"),
    h("div", { class: "ais-held-words" },
      h("div", { class: "ais-what-held", title: x.what }, h("b", {}, x.id), ` ${x.what}`),
      h("div", { class: "ais-dim" }, x.words)),
    button("Undo", () => ctx.order("undo", { proposal: x.id, revision: x.revision }, `held-${x.id}`), {
      small: true,
      kbd: last ? "u" : null,
      busy: ctx.pending(`held-${x.id}`),
      blocked: ctx.gone(),
      name: `Undo ${x.id}`,
    }),
    errorLine(ctx, `held-${x.id}`));
}
