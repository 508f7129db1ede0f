// What a rule may decide, and how that is overseen.

function steerRule(ctx, d, form) {
  const r = d.rule,
    get = (n, start) => (form[n] !== undefined ? form[n] : start);
  const field = (n, label, start) =>
    h("label", { key: n, class: "ais-field" },
      h("span", {}, label),
      h("input", {
        class: "ais-input ais-num",
        type: "text",
        inputmode: "decimal",
        value: get(n, start),
        oninput: (e) => {
          form[n] = e.target.value;
          ctx.paint_now();
        },
      }));
  const send = () => {
    const coverage = Number(get("coverage", String(100 * r.coverage))) / 100,
      least = Number(get("least", String(r.least))),
      cost = get("cost", "").trim();
    asked(ctx, "rule", {
      coverage,
      least: Number.isInteger(least) ? least : null,
      cost: cost === "" ? null : Number(cost),
    });
  };
  return h("div", { key: "rule", class: "ais-steer-box" },
    h("div", {}, h("span", { class: "ais-dim" }, "When a proposal arrives: "), h("b", {}, r.words)),
    h("div", { class: "ais-dim ais-num" }, r.earned),
    h("div", { class: "ais-fields" },
      field("coverage", "Accept by itself while coverage is at least, %", String(100 * r.coverage)),
      field("least", "counted on so many outcomes", String(r.least)),
      field("cost", `and cost is below, ${r.unit} (empty: any)`, "")),
    h("div", { class: "ais-row" },
      steerButton(ctx, "Let it earn acceptance", send, {
        title: "Else it asks, as soon as the coverage that it has shown is no longer as good",
      })));
}

// --- how it is tested, and when it is enough -------------------------------------------------------

function steerOversight(ctx, d, form) {
  const o = d.oversight,
    now = {
      audit: String(Math.round(1000 * o.audit) / 10),
      counterfactual: String(Math.round(1000 * o.counterfactual) / 10),
      stop_below: o.stop_below === null ? "" : String(Math.round(1000 * o.stop_below) / 10),
      stagnation: o.stagnation === null ? "" : String(o.stagnation),
      gain_below: o.gain_below === null ? "" : String(o.gain_below),
    };
  const typed = (form.oversight = form.oversight || {}),
    get = (n) => (typed[n] !== undefined ? typed[n] : now[n]);
  const field = (n, label) =>
    h("label", { key: n, class: "ais-field" },
      h("span", {}, label),
      h("input", {
        class: "ais-input ais-num",
        type: "text",
        inputmode: "decimal",
        value: get(n),
        oninput: (e) => {
          typed[n] = e.target.value;
          ctx.paint_now();
        },
      }));
  const number = (n) => (get(n).trim() === "" ? null : Number(get(n)));
  const send = () => {
    const given = Object.fromEntries(
      ["audit", "counterfactual", "stop_below", "stagnation", "gain_below"].map((n) => [n, number(n)]),
    );
    if (Object.values(given).some((v) => v !== null && !Number.isFinite(v))) {
      ctx.fail("steer", "Give numbers, or leave a field empty. Nothing was changed.");
      return;
    }
    asked(
      ctx,
      "oversee",
      {
        audit: (given.audit || 0) / 100,
        counterfactual: (given.counterfactual || 0) / 100,
        ...(o.stop_below === null ? {} : { early_stopping: (given.stop_below || 0) / 100 }),
        finish: {
          stagnation: given.stagnation,
          gain_below: given.gain_below,
          budget: typed.budget ?? o.budget,
          failing: typed.failing ?? o.failing,
        },
      },
      () => {
        form.oversight = undefined;
      },
    );
  };
  return h("div", { key: "oversight", class: "ais-steer-box" },
    h("div", { class: "ais-dim" },
      "How the AI is tested, and when it proposes the end (a human decides on it; empty: never)"),
    h("div", { class: "ais-fields" },
      field("audit", "Points drawn by chance, to test predictions, %"),
      field("counterfactual", "Edits whose original is run too, by chance, %"),
      o.stop_below === null
        ? null
        : field("stop_below", "Stop a run: its chance to add anything is below, % (0: never)"),
      o.has_best
        ? [
            field("stagnation", "End: runs without a better one"),
            field("gain_below", `End: expected gain below, ${o.gain_unit}`),
          ]
        : null,
      h("label", { key: "budget", class: "ais-check" },
        h("input", {
          type: "checkbox",
          checked: typed.budget ?? o.budget,
          onchange: (e) => {
            typed.budget = e.target.checked;
            ctx.paint_now();
          },
        }),
        " End: the budget covers no further run"),
      h("label", { key: "failing", class: "ais-check" },
        h("input", {
          type: "checkbox",
          checked: typed.failing ?? o.failing,
          onchange: (e) => {
            typed.failing = e.target.checked;
            ctx.paint_now();
          },
        }),
        " End: what is left to gain lies where runs fail")),
    h("div", { class: "ais-row" }, steerButton(ctx, "Set these", send)));
}
