// What is typed into forms: reasons, values of parameters, candidates of a pool.

// Enter in a field sends the form.
function onEnter(send) {
  return (e) => {
    if (e.key !== "Enter") return;
    e.preventDefault();
    send();
  };
}

function reasonField(form, words, send, first) {
  return h("label", { class: "ais-field ais-wide" },
    h("span", {}, words),
    h("input", {
      class: "ais-input",
      type: "text",
      maxlength: "400",
      ...(first ? { "data-autofocus": "1" } : {}),
      oninput: (e) => {
        form.reason = e.target.value;
      },
      onkeydown: onEnter(send),
    }));
}

function changed(form, parameters) {
  const raw = Object.fromEntries(parameters.map((p) => [p.key, p.raw]));
  return Object.fromEntries(Object.entries(form.values || {}).filter(([k, v]) => v !== "" && v !== raw[k]));
}

// A number as a human would type it; where it is left as it is, what it stands for goes on in full.
function readable(value) {
  if (value === undefined) return "";
  return typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(6))) : String(value);
}

function fieldsOf(ctx, form, schema, task, start, send) {
  form.values = form.values || {};
  const enter = onEnter(send);
  if (schema.pool) return poolPicker(ctx, form, schema, task, start[schema.key], send);
  return h("div", { class: "ais-fields" },
    schema.fields.map((f, i) => {
      const first = i === 0 ? { "data-autofocus": "1" } : {};
      const now = form.values[f.name] !== undefined ? form.values[f.name] : start[f.name];
      const label = [
        h("span", {}, f.label, f.unit ? h("i", {}, ` (${f.unit})`) : ""),
        f.hint ? h("small", {}, f.hint) : null,
      ];
      if (f.kind === "choice")
        return h("label", { key: f.name, class: "ais-field" },
          label,
          h("select", {
            class: "ais-select",
            ...first,
            onchange: (e) => {
              form.values[f.name] = f.values[Number(e.target.value)];
              ctx.typed_own();
            },
          },
            now === undefined ? h("option", { value: "-1" }, "choose…") : null,
            f.choices.map((c, n) => h("option", { value: String(n), selected: f.values[n] === now }, c))));
      const number = f.kind === "float" || f.kind === "int";
      return h("label", { key: f.name, class: "ais-field" },
        label,
        h("input", {
          class: "ais-input ais-num",
          ...first,
          type: "text",
          inputmode: number ? "decimal" : "text",
          "aria-label": `${f.label}${f.hint ? `, ${f.hint}` : ""}`,
          value: form.texts?.[f.name] ?? readable(now),
          title: typeof now === "number" ? `now ${now}` : null,
          onkeydown: enter,
          oninput: (e) => {
            const text = e.target.value.trim();
            (form.texts = form.texts || {})[f.name] = e.target.value;
            form.values[f.name] = text === "" ? "" : number && Number.isFinite(Number(text)) ? Number(text) : text;
            const bad =
              number &&
              text !== "" &&
              (!Number.isFinite(Number(text)) ||
                (f.low !== null && Number(text) < f.low) ||
                (f.high !== null && Number(text) > f.high));
            e.target.classList.toggle("ais-bad", bad);
            e.target.setAttribute("aria-invalid", bad ? "true" : "false");
            ctx.typed_own();
          },
        }));
    }));
}

// Candidates of a pool: searched where they are, in Python; only a page of them travels.
function poolPicker(ctx, form, schema, task, start, send) {
  const found = ctx.ui.found;
  // Enter takes what is picked; else the only one that was found, or the first, for another Enter.
  const enter = () => {
    if (!ctx.settled()) {
      ctx.entered = enter;
      return;
    }
    const items = ctx.ui.found.items,
      exact = items[0]?.key === ctx.typed.trim();
    if (items.some((x) => x.key === form.picked?.key)) send();
    else if (items.length) {
      pick(items[0]);
      if (items.length === 1 || exact) send();
    }
  };
  const keys = (e) => {
    if (e.key === "Enter") {
      e.preventDefault();
      enter();
      return;
    }
    if (e.key !== "ArrowDown" && e.key !== "ArrowUp") return;
    e.preventDefault();
    const items = found?.items || [],
      at = items.findIndex((x) => x.key === form.picked?.key);
    const next = items[Math.max(0, Math.min(items.length - 1, at + (e.key === "ArrowDown" ? 1 : -1)))];
    if (next) pick(next);
  };
  // The list scrolls, so that Tab comes by it: what is typed there belongs to the search.
  const onward = (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || !(e.key.length === 1 || /^(Enter|Arrow)/.test(e.key))) return;
    e.currentTarget.parentNode.querySelector("input").focus();
    keys(e);
  };
  const pick = (item) => {
    form.values = { [schema.key]: item.key };
    form.picked = item;
    ctx.typed_own();
    ctx.paint();
  };
  return h("div", { class: "ais-picker" },
    h("label", { class: "ais-field ais-wide" },
      h("span", {}, `Search ${schema.size} candidates`, start ? h("small", {}, `now ${start}`) : null),
      h("input", {
        class: "ais-input",
        type: "search",
        "data-autofocus": "1",
        placeholder: "part of its name or any column",
        "aria-label": "Search candidates",
        oninput: (e) => {
          ctx.entered = null;
          ctx.search(task, e.target.value);
        },
        onkeydown: keys,
      })),
    !found?.items.length
      ? null
      : h("div", { key: "found", class: "ais-found", role: "listbox", "aria-label": "Candidates", onkeydown: onward },
          found.items.map((item) =>
            h("div", {
              key: item.key,
              role: "option",
              class: form.picked?.key === item.key ? "ais-option ais-picked" : "ais-option",
              "aria-selected": form.picked?.key === item.key ? "true" : "false",
              onclick: () => pick(item),
            },
              item.picture ? h("img", { class: "ais-molecule ais-molecule-small", src: item.picture, alt: "" }) : null,
              h("div", { class: "ais-option-words" },
                h("b", { title: item.label }, item.label),
                h("span", { class: "ais-dim" }, item.detail))),
          )),
    found
      ? h("div", { class: "ais-dim" },
          form.picked ? h("span", {}, "Chosen: ", h("b", {}, form.picked.label), " · ") : null,
          found.words)
      : null);
}
