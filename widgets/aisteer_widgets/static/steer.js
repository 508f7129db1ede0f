// Steering the AI itself: every setting as it stands, who set it and why, and what can be set. One reason goes with whatever is set next.
// What is typed is painted at once, so that a field that is emptied after it was sent shows empty.

const STEERED = [
  ["search", "How it searches"],
  ["where", "Where"],
  ["mind", "Who proposes"],
  ["known", "What it learns from"],
  ["rule", "What it may decide"],
  ["tests", "Tests and the end"],
  ["problem", "What it works on"],
];

function steerPanel(ctx) {
  const d = ctx.snap.steer;
  if (!d) return null;
  const open = ctx.ui.steering || ctx.alone,
    form = (ctx.ui.steer = ctx.ui.steer?.task === d.task ? ctx.ui.steer : { task: d.task, box: {} });
  return h("section", { key: "steer", class: "ais-steer", "aria-label": "Steer the AI" },
    h("h2", {},
      ctx.alone
        ? h("b", {}, "Steer the AI")
        : h("button", {
            type: "button",
            class: "ais-fold",
            "aria-expanded": open ? "true" : "false",
            onclick: () => {
              ctx.ui.steering = !open;
              ctx.paint();
            },
          },
            open ? "▾ " : "▸ ",
            h("b", {}, "Steer the AI")),
      h("span", {}, d.sub)),
    errorLine(ctx, "steer"),
    !open ? null : [steerSet(ctx, d, form), steerPlaces(ctx, d, form)]);
}

// One place at a time: what is rarely needed does not stand in the way of what is.
function steerPlaces(ctx, d, form) {
  const has = { where: d.parameters.length > 0 },
    places = STEERED.filter(([name]) => has[name] !== false);
  const now = places.some(([name]) => name === ctx.ui.place) ? ctx.ui.place : places[0][0];
  const show = {
    search: steerControls,
    where: steerRegions,
    mind: steerMind,
    known: steerKnown,
    rule: steerRule,
    tests: steerOversight,
    problem: steerProblem,
  };
  return [
    h("div", { key: "places", class: "ais-chips", role: "group", "aria-label": "What to steer" },
      places.map(([name, words]) =>
        h("button", {
          key: name,
          type: "button",
          class: name === now ? "ais-chip ais-on" : "ais-chip",
          "aria-pressed": name === now ? "true" : "false",
          onclick: () => {
            ctx.ui.place = name;
            ctx.paint();
          },
        },
          words),
      )),
    h("div", { key: `place-${now}`, class: "ais-steer-place" }, show[now](ctx, d, form)),
  ];
}

// What was typed for an order goes when the order was carried out; else it stays, to be mended.
function asked(ctx, verb, data, done) {
  ctx.ui.steer.done = done;
  ctx.order(verb, { task: ctx.snap.steer.task, reason: ctx.ui.steer.reason || "", ...data }, "steer");
}

function steered(ctx) {
  const form = ctx.ui.steer;
  if (!form) return;
  form.reason = "";
  form.done?.();
  form.done = null;
}

function change(ctx, values, done) {
  asked(ctx, "steer", { change: values }, done);
}

function steerButton(ctx, label, act, more) {
  return button(label, act, {
    small: true,
    blocked: ctx.gone() || ctx.snap.steer.blocked,
    busy: ctx.pending("steer"),
    ...more,
  });
}

function steerSet(ctx, d, form) {
  return h("div", { key: "set", class: "ais-steer-set" },
    h("label", { class: "ais-field ais-wide" },
      h("span", {}, "Reason for what you set next (kept in the journal)"),
      h("input", {
        class: "ais-input",
        type: "text",
        maxlength: "400",
        value: form.reason || "",
        oninput: (e) => {
          form.reason = e.target.value;
          ctx.paint_now();
        },
      })),
    d.set.map((s) =>
      h("div", { key: s.name, class: "ais-steer-line" },
        h("b", {}, s.words),
        h("span", { class: "ais-dim" }, [s.said, s.reason].filter(Boolean).join(": ")),
        h("span", { class: "ais-grow" }),
        steerButton(
          ctx,
          ["forbidden", "favoured", "pinned"].includes(s.name) ? "Take all back" : "Take back",
          () => change(ctx, { [s.name]: null }),
          { name: `Take back: ${s.words}` },
        )),
    ),
    d.undo
      ? h("div", { key: "undo" }, steerButton(ctx, "Undo the last change", () => asked(ctx, "unsteer", {})))
      : null);
}

// --- numbers and names ----------------------------------------------------------------------------

function steerNumber(ctx, form, { name, label, value, low, hint, apply }) {
  const typed = form[name] !== undefined ? form[name] : String(value);
  const send = () => {
    const v = Number(typed);
    if (typed.trim() === "" || !Number.isFinite(v) || v < low) {
      ctx.fail("steer", `${label}: give a number from ${low} on. Nothing was changed.`);
      return;
    }
    if (v !== value)
      apply(v, () => {
        form[name] = undefined;
      });
    else form[name] = undefined;
  };
  return h("label", { key: name, class: "ais-field" },
    h("span", {}, label, hint ? h("small", {}, hint) : null),
    h("span", { class: "ais-steer-pair" },
      h("input", {
        class: "ais-input ais-num",
        type: "text",
        inputmode: "decimal",
        value: typed,
        "aria-label": `${label}${hint ? `, ${hint}` : ""}`,
        oninput: (e) => {
          form[name] = e.target.value;
          ctx.paint_now();
        },
        onkeydown: onEnter(send),
      }),
      steerButton(ctx, "Set", send, { name: `Set ${label}` })));
}

function steerControls(ctx, d, form) {
  return h("div", { key: "controls", class: "ais-fields" },
    steerNumber(ctx, form, {
      name: "batch",
      label: "Proposals at once",
      hint: d.batch_note,
      value: d.batch,
      low: 1,
      apply: (v, done) => change(ctx, { batch: Math.round(v) }, done),
    }),
    steerNumber(ctx, form, {
      name: "exploration",
      label: "Exploration",
      hint: "0 trusts the mean, 1 is usual",
      value: d.exploration,
      low: 0,
      apply: (v, done) => change(ctx, { exploration: v }, done),
    }),
    d.acquisitions.length
      ? h("label", { key: "acquisition", class: "ais-field" },
          h("span", {}, "Acquisition"),
          h("select", {
            class: "ais-select",
            value: d.acquisition || d.acquisitions[0].name,
            disabled: Boolean(d.blocked),
            title: d.blocked || null,
            onchange: (e) => {
              const v = e.target.value;
              e.target.value = d.acquisition || d.acquisitions[0].name;
              change(ctx, { acquisition: v });
            },
          },
            d.acquisitions.map((a) =>
              h("option", { value: a.name, selected: a.name === (d.acquisition || d.acquisitions[0].name) }, a.label),
            )))
      : null,
    d.surrogates
      ? h("label", { key: "surrogate", class: "ais-field" },
          h("span", {}, "Surrogate"),
          h("select", {
            class: "ais-select",
            value: d.surrogates.now,
            disabled: Boolean(d.blocked),
            title: d.blocked || null,
            onchange: (e) => {
              const v = e.target.value;
              e.target.value = d.surrogates.now;
              change(ctx, { surrogate: v === d.surrogates.usual ? null : v });
            },
          },
            d.surrogates.options.map((o) =>
              h("option", { value: o.name, selected: o.name === d.surrogates.now }, o.label),
            )))
      : null,
    d.trust
      ? h("label", { key: "trust", class: "ais-field" },
          h("span", {}, "Search"),
          h("select", {
            class: "ais-select",
            value: String(d.trust.now),
            disabled: Boolean(d.blocked),
            title: d.blocked || null,
            onchange: (e) => {
              const i = Number(e.target.value);
              e.target.value = String(d.trust.now);
              change(ctx, { trust_region: d.trust.values[i] === false ? null : d.trust.values[i] });
            },
          },
            d.trust.labels.map((words, i) => h("option", { value: String(i), selected: i === d.trust.now }, words))))
      : null,
    d.weights.map((w) =>
      steerNumber(ctx, form, {
        name: `weight ${w.name}`,
        label: `Weight of ${w.label}`,
        value: w.value,
        low: 0,
        apply: (v, done) =>
          change(
            ctx,
            { weights: { ...Object.fromEntries(d.weights.map((o) => [o.name, o.value])), [w.name]: v } },
            done,
          ),
      }),
    ));
}
