// Who proposes: whose mind it is, since when and why, and who else could.

function steerMind(ctx, d, form) {
  const m = d.mind,
    choice = form.mind ?? "",
    named = choice === "named";
  const blocked = ctx.gone() || m.blocked,
    busy = ctx.pending("steer");
  const send = () => {
    if (!choice) {
      ctx.fail("steer", "Choose who is to propose first. Nothing was changed.");
      return;
    }
    asked(
      ctx,
      "mind",
      { choice, ...(named ? { name: form.mind_name || "", options: form.mind_options || "" } : {}) },
      () => {
        form.mind = undefined;
      },
    );
  };
  const field = (key, label, hint) =>
    h("label", { key, class: "ais-field" },
      h("span", {}, label),
      h("input", {
        class: "ais-input",
        type: "text",
        placeholder: hint,
        value: form[key] || "",
        oninput: (e) => {
          form[key] = e.target.value;
          ctx.paint_now();
        },
        onkeydown: onEnter(send),
      }));
  return h("div", { key: "mind", class: "ais-steer-box" },
    h("div", { class: "ais-steer-line" },
      h("span", {}, "Who proposes: ", h("b", {}, m.now)),
      m.said ? h("span", { class: "ais-dim" }, m.said) : null,
      h("span", { class: "ais-grow" }),
      m.before
        ? button("Back to the one before", () => asked(ctx, "unmind", {}), {
            small: true,
            blocked,
            busy,
            title: m.before,
            name: `Back to ${m.before}`,
          })
        : null),
    h("div", { class: "ais-steer-pair" },
      h("select", {
        class: "ais-select",
        "aria-label": "Let somebody else propose",
        value: choice,
        disabled: Boolean(blocked),
        title: blocked || null,
        onchange: (e) => {
          form.mind = e.target.value;
          ctx.paint_now();
        },
      },
        h("option", { value: "" }, "let somebody else propose…"),
        m.choices.map((c) => h("option", { key: c.id, value: c.id }, c.label))),
      button("Let it propose", send, {
        small: true,
        blocked: blocked || (choice ? "" : "Choose who is to propose first."),
        busy,
      })),
    named
      ? h("div", { class: "ais-fields" },
          field(
            "mind_name",
            "Its name in this notebook, or module:name; a regressor becomes the surrogate",
            "near_the_best",
          ),
          field("mind_options", "Its options, if any", "seed=1, width=0.2"))
      : null,
    choice
      ? h("div", { class: "ais-dim" },
          "What runs goes on and what was learned stays. What the one before has proposed and nobody decided is withdrawn.")
      : null,
    m.not_told ? h("div", { class: "ais-dim" }, m.not_told) : null);
}
