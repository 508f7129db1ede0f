// What the AI learns from: runs that are marked bad, and what was measured elsewhere.

function steerResults(ctx, d, form) {
  const run = form.run ?? ctx.ui.run ?? "";
  const send = () => {
    if (!run.trim()) {
      ctx.fail("steer", "Name the run first, such as R7, or select it among the runs. Nothing was changed.");
      return;
    }
    asked(ctx, "mark", { run: run.trim().toUpperCase(), bad: true }, () => {
      form.run = undefined;
    });
  };
  return h("div", { key: "results", class: "ais-steer-box" },
    h("label", { class: "ais-field" },
      h("span", {}, "A result that is bad leaves the fit; it can be put back"),
      h("span", { class: "ais-steer-pair" },
        h("input", {
          class: "ais-input",
          type: "text",
          placeholder: "R7",
          value: run,
          "aria-label": "Run whose result is bad",
          oninput: (e) => {
            form.run = e.target.value;
            ctx.paint_now();
          },
          onkeydown: onEnter(send),
        }),
        steerButton(ctx, "Mark bad", send, { blocked: ctx.gone() || d.mind.blocked }))),
    d.bad.map((b) =>
      h("div", { key: b.run, class: "ais-steer-line" },
        h("s", {}, b.words),
        b.said ? h("span", { class: "ais-dim" }, b.said) : null,
        h("span", { class: "ais-grow" }),
        steerButton(ctx, "Put back", () => asked(ctx, "mark", { run: b.run, bad: false }), {
          blocked: ctx.gone() || d.mind.blocked,
          name: `Put ${b.run} back`,
        })),
    ),
    d.data.map((x) =>
      h("div", { key: x.data, class: "ais-steer-line" },
        h("span", {}, x.words),
        h("span", { class: "ais-grow" }),
        steerButton(
          ctx,
          x.out ? "Put back" : "Take out",
          () => asked(ctx, "mark_data", { data: x.data, bad: !x.out }),
          { blocked: ctx.gone() || d.mind.blocked, name: `${x.out ? "Put back" : "Take out"} ${x.data}` },
        )),
    ));
}

function steerKnown(ctx, d, form) {
  return [steerResults(ctx, d, form), steerTable(ctx, d, form)];
}
