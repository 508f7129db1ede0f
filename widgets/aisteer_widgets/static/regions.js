// Where the AI may go: regions that it keeps out of or prefers, drawn or typed, and parameters that are pinned.

function steerRegions(ctx, d, form) {
  const box = () => {
    const made = {};
    for (const f of d.parameters) {
      const b = form.box[f.name];
      if (!b) continue;
      if (f.kind === "choice") {
        if (b.option !== undefined) made[f.name] = [f.values[b.option]];
        continue;
      }
      const low = (b.low ?? "").trim(),
        high = (b.high ?? "").trim();
      if (low === "" && high === "") continue;
      made[f.name] = [low === "" ? f.low : Number(low), high === "" ? f.high : Number(high)];
    }
    return made;
  };
  const lines = (kind) => d.regions.filter((r) => r.kind === kind).map((r) => r.box);
  const put = (kind) => {
    const made = box();
    if (!Object.keys(made).length) {
      ctx.fail("steer", "Give at least one side of the region first. Nothing was changed.");
      return;
    }
    change(ctx, { [kind]: [...lines(kind), made] }, () => {
      form.box = {};
    });
  };
  const pins = () => {
    const made = {};
    for (const f of d.parameters) {
      const b = form.box[f.name] || {};
      if (f.kind === "choice" && b.option !== undefined) made[f.name] = f.values[b.option];
      else if ((b.low ?? "").trim() !== "" && (b.high ?? "").trim() === "") made[f.name] = Number(b.low);
    }
    if (!Object.keys(made).length) {
      ctx.fail(
        "steer",
        "To pin a parameter, give its value in its first field and leave the second empty. Nothing was changed.",
      );
      return;
    }
    asked(ctx, "pin", { pins: made }, () => {
      form.box = {};
    });
  };
  const drop = (r) => {
    const rest = d.regions.filter((o) => o.kind === r.kind && o.place !== r.place).map((o) => o.box);
    change(ctx, { [r.kind]: rest.length ? rest : null });
  };
  const side = (f, which, words) =>
    h("input", {
      class: "ais-input ais-num",
      type: "text",
      inputmode: "decimal",
      placeholder: words,
      value: form.box[f.name]?.[which] ?? "",
      "aria-label": `${f.label}, ${which === "low" ? "from, or the value to pin" : "to"}, ${f.hint}`,
      oninput: (e) => {
        form.box[f.name] = { ...form.box[f.name], [which]: e.target.value };
        ctx.paint_now();
      },
    });
  return h("div", { key: "regions", class: "ais-steer-box" },
    h("div", { class: "ais-dim" },
      "A region: what is left empty may be anything. It keeps out of what is forbidden, gives what is favoured the first proposals and then ever fewer, and leaves what is pinned at the value in the first field."),
    h("div", { class: "ais-fields" },
      d.parameters.map((f) =>
        h("div", { key: f.name, class: "ais-field" },
          h("span", {}, f.label, f.unit ? h("i", {}, ` ${f.unit}`) : "", f.hint ? h("small", {}, f.hint) : null),
          f.kind === "choice"
            ? h("select", {
                class: "ais-select",
                "aria-label": f.label,
                value: String(form.box[f.name]?.option ?? ""),
                onchange: (e) => {
                  form.box[f.name] = e.target.value === "" ? {} : { option: Number(e.target.value) };
                  ctx.paint();
                },
              },
                h("option", { value: "" }, "any"),
                f.choices.map((c, n) => h("option", { value: String(n) }, c)))
            : h("span", { class: "ais-steer-pair" }, side(f, "low", "from"), side(f, "high", "to"))),
      )),
    h("div", { class: "ais-row" },
      steerButton(ctx, "Forbid it", () => put("forbidden")),
      steerButton(ctx, "Favour it", () => put("favoured")),
      steerButton(ctx, "Pin the values", pins)),
    d.regions.map((r) =>
      h("div", { key: `${r.kind}${r.place}`, class: "ais-steer-line" },
        h("span", {}, h("b", {}, r.kind), ` ${r.words}`),
        h("span", { class: "ais-grow" }),
        steerButton(ctx, "Lift", () => drop(r), { name: `Lift: ${r.kind} ${r.words}` })),
    ),
    d.pins.map((p) =>
      h("div", { key: `pin-${p.name}`, class: "ais-steer-line" },
        h("span", {},
          h("b", {}, p.fixed ? "fixed" : "pinned"),
          ` ${p.label} ${p.value}`,
          p.fixed ? h("span", { class: "ais-dim" }, ", by the definition of its policy") : null),
        h("span", { class: "ais-grow" }),
        p.fixed
          ? null
          : steerButton(ctx, "Release", () => asked(ctx, "pin", { pins: { [p.name]: null } }), {
              name: `Release ${p.label}`,
            })),
    ));
}
