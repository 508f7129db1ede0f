// What it works on: as it stands, and as a form that asks otherwise.

function steerProblem(ctx, d, form) {
  const a = d.asked,
    typed = (form.asked = form.asked || {}),
    blocked = ctx.gone() || d.mind.blocked;
  const get = (n) => (typed[n] !== undefined ? typed[n] : a[n]),
    set = (n) => (e) => {
      typed[n] = e.target.type === "checkbox" ? e.target.checked : e.target.value;
      ctx.paint_now();
    };
  const kind = a.kinds.find((k) => k.name === get("kind")) || a.kinds[0],
    references = typed.references || a.references.map((r) => r.value);
  const goal = ["kind", "outcome", "value"].some((n) => typed[n] !== undefined && String(typed[n]) !== String(a[n]));
  const asked_for = {
    ...(goal && !a.several ? { goal: { kind: kind.name, outcome: Number(get("outcome")), value: get("value") } } : {}),
    ...(references.some((v, i) => v !== a.references[i].value) ? { references } : {}),
  };
  const bounds = typed.bounds || {},
    moved = a.bounds.filter((b) => bounds[b.name] && (bounds[b.name].low !== b.low || bounds[b.name].high !== b.high));
  if (moved.length)
    asked_for.bounds = Object.fromEntries(moved.map((b) => [b.name, [bounds[b.name].low, bounds[b.name].high]]));
  const end = (b, which, words) =>
    h("input", {
      class: "ais-input ais-num",
      type: "text",
      inputmode: "decimal",
      value: (bounds[b.name] || b)[which],
      "aria-label": `${b.label}, ${words}`,
      oninput: (e) => {
        typed.bounds = {
          ...bounds,
          [b.name]: { low: b.low, high: b.high, ...bounds[b.name], [which]: e.target.value },
        };
        ctx.paint_now();
      },
    });
  for (const n of ["feasible", "constraints", "context", "cost_aware"])
    if (typed[n] !== undefined && typed[n] !== a[n]) asked_for[n] = typed[n];
  const some = Object.keys(asked_for).length > 0;
  const send = () =>
    asked(ctx, "problem", { asked: asked_for }, () => {
      form.asked = {};
    });
  const lines = (n, label, hint) =>
    a[n] === null
      ? null
      : h("label", { key: n, class: "ais-field ais-wide" },
          h("span", {}, label),
          h("textarea", {
            class: "ais-input ais-lines",
            rows: "2",
            spellcheck: "false",
            placeholder: hint,
            value: get(n),
            oninput: set(n),
          }));
  return h("div", { key: "problem", class: "ais-steer-box" },
    h("dl", { class: "ais-why ais-problem" },
      d.problem.map((p) => [h("dt", { key: p.term }, p.term), h("dd", { key: `${p.term}-is` }, p.text)])),
    a.several
      ? h("div", { key: "references", class: "ais-fields" },
          a.references.map((r, i) =>
            h("label", { key: r.label, class: "ais-field" },
              h("span", {}, `Reference: ${r.label}`, h("small", {}, "the worst of interest")),
              h("input", {
                class: "ais-input ais-num",
                type: "text",
                inputmode: "decimal",
                value: references[i],
                oninput: (e) => {
                  typed.references = references.map((v, j) => (j === i ? e.target.value : v));
                  ctx.paint_now();
                },
              })),
          ))
      : h("div", { key: "goal", class: "ais-fields" },
          h("label", { class: "ais-field" },
            h("span", {}, "Goal"),
            h("select", { class: "ais-select", "aria-label": "Goal", value: kind.name, onchange: set("kind") },
              a.kinds.map((k) =>
                h("option", { key: k.name, value: k.name, selected: k.name === kind.name }, k.label),
              ))),
          a.outcomes.length > 1
            ? h("label", { class: "ais-field" },
                h("span", {}, "of"),
                h("select", {
                  class: "ais-select",
                  "aria-label": "Outcome that the goal speaks of",
                  value: String(get("outcome")),
                  onchange: set("outcome"),
                },
                  a.outcomes.map((o, i) => h("option", { key: i, value: String(i) }, o))))
            : null,
          kind.valued
            ? h("label", { class: "ais-field" },
                h("span", {}, "Value"),
                h("input", {
                  class: "ais-input ais-num",
                  type: "text",
                  inputmode: "decimal",
                  value: get("value"),
                  oninput: set("value"),
                }))
            : null),
    a.bounds.length
      ? h("div", { key: "bounds", class: "ais-fields" },
          a.bounds.map((b) =>
            h("div", { key: b.name, class: "ais-field" },
              h("span", {}, b.label, h("small", {}, "from, to")),
              h("span", { class: "ais-steer-pair" }, end(b, "low", "from"), end(b, "high", "to"))),
          ))
      : null,
    lines("feasible", "Feasible when: what outcomes have to meet, a line each", "density >= 0.9"),
    lines("constraints", "Constraints among parameters, a line each", "x + 2*y <= 3"),
    a.context === null
      ? null
      : h("label", { key: "context", class: "ais-field ais-wide" },
          h("span", {}, "Given, not chosen by the AI: names of parameters, with commas between"),
          h("input", { class: "ais-input", type: "text", value: get("context"), oninput: set("context") })),
    h("label", { key: "cost", class: "ais-check" },
      h("input", { type: "checkbox", checked: Boolean(get("cost_aware")), onchange: set("cost_aware") }),
      " Weigh what a run promises by what it costs"),
    h("div", { key: "send", class: "ais-row" },
      button("Ask it otherwise", send, {
        small: true,
        busy: ctx.pending("steer"),
        blocked: blocked || (some ? "" : "Nothing is changed yet."),
      }),
      some
        ? button(
            "Leave it as it is",
            () => {
              form.asked = {};
              ctx.paint_now();
            },
            { small: true },
          )
        : null,
      a.said && !some
        ? button("Back to what was asked before", () => asked(ctx, "unproblem", {}), {
            small: true,
            busy: ctx.pending("steer"),
            blocked,
          })
        : null,
      a.said ? h("span", { class: "ais-dim" }, `As it stands ${a.said}`) : null),
    h("div", { key: "note", class: "ais-dim" },
      some
        ? "What runs goes on, and what was learned stays. What the AI has proposed and nobody decided is withdrawn, as it answered another question. Runs beyond other bounds go on to teach."
        : [
            "The simulation, the endpoint and options of choices are changed in a cell: ",
            h("code", {}, "campaign.redefine(…)"),
          ]));
}
