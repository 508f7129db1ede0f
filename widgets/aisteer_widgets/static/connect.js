// The connect panel: sign in, choose an endpoint, fill in its form, take it. What is typed lives here until it is asked for.

const LOOK = 30000; // ms between two looks at how endpoints are, while somebody can see them
const TYPED = 250; // ms without a key after which what was typed is read

class ConnectView {
  constructor(model, el) {
    this.model = model;
    this.ui = {
      code: "",
      id: "",
      endpoint: "",
      texts: {},
      watch: "",
      watch_text: "",
      places: {},
      tried: false,
      copied: false,
    };
    this.root = document.createElement("div");
    this.root.className = "aisteer ais-connect ais-alone";
    this.root.setAttribute("role", "region");
    this.root.setAttribute("aria-label", "Connect to Globus Compute");
    this.live = document.createElement("div");
    this.live.className = "ais-hidden";
    this.live.setAttribute("aria-live", "polite");
    this.body = document.createElement("div");
    this.root.append(this.body, this.live);
    el.append(this.root);
    this.kernel = new KernelWatch(model, el, () => this.paint());
    this.changed = () => {
      this.take();
      this.paint();
    };
    model.on("change:shown", this.changed);
    // The notebook must not take keys and clicks in the panel for its own.
    for (const kind of ["mousedown", "dblclick", "contextmenu"])
      this.root.addEventListener(kind, (event) => event.stopPropagation());
    this.root.addEventListener("keydown", (event) => {
      if (!((event.ctrlKey || event.metaKey) && ["s", "S"].includes(event.key))) event.stopPropagation();
    });
    this.take();
    this.paint();
    this.ticker = setInterval(() => {
      const visible = !document.hidden && this.root.offsetParent !== null;
      if (visible && !this.kernel.ended && this.shown.endpoints && !this.shown.doing) this.send("look");
    }, LOOK);
  }

  dispose() {
    this.model.off("change:shown", this.changed);
    this.kernel.stop();
    clearInterval(this.ticker);
    clearTimeout(this.typing);
    this.closed = true;
  }

  send(type, text, more) {
    this.model.send({ type, text: text ?? "", ...more });
  }

  take() {
    const before = this.shown;
    this.shown = this.model.get("shown");
    const form = this.shown.form;
    if ((form?.id || "") !== this.ui.endpoint)
      Object.assign(this.ui, {
        endpoint: form?.id || "",
        texts: {},
        watch: "",
        watch_text: "",
        places: {},
        tried: false,
      });
    if (before && this.shown.line !== before.line) this.ui.copied = false;
    if (!this.shown.sign_in.link) this.ui.code = "";
    for (const part of ["problem", "doing", "used"])
      if (this.shown[part] && this.shown[part] !== before?.[part])
        this.live.textContent = part === "used" ? "The endpoint is taken." : this.shown[part];
  }

  filling() {
    const { endpoint, texts, watch, watch_text, places } = this.ui;
    return { endpoint, texts, watch, watch_text, places };
  }

  typed() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.send("fill", "", this.filling()), TYPED);
    this.paint();
  }

  use() {
    clearTimeout(this.typing);
    this.ui.tried = true;
    this.send("use", "", this.filling());
    this.paint();
  }

  find() {
    if (this.ui.id.trim()) this.send("choose", this.ui.id.trim());
  }
  sign() {
    if (this.ui.code.trim()) {
      this.send("code", this.ui.code.trim());
      this.ui.code = "";
    }
  }

  select_line() {
    const node = this.root.querySelector(".ais-line");
    if (node) window.getSelection().selectAllChildren(node);
  }
  copy() {
    navigator.clipboard?.writeText(this.shown.line).then(
      () => {
        this.ui.copied = true;
        this.paint();
      },
      () => this.select_line(),
    );
  }

  paint() {
    if (this.queued || this.closed) return;
    this.queued = true;
    requestAnimationFrame(() => {
      this.queued = false;
      if (!this.closed) reconcile(this.body, [this.tree()], false);
    });
  }

  gone() {
    if (this.kernel.ended)
      return `The kernel ${this.kernel.ended}. Run the cell again to connect; runs at endpoints go on.`;
    return this.kernel.lost ? "The connection to the kernel is lost; the page tries to reach it again." : "";
  }

  tree() {
    const d = this.shown,
      gone = this.gone();
    return h("div", { key: "tree", class: gone ? "ais-stale" : "" },
      gone
        ? h("div", { key: "gone", class: "ais-trouble", role: "alert" },
            h("span", { class: "ais-sign", "aria-hidden": "true" }, "!"),
            h("span", {}, gone))
        : null,
      h("header", { key: "head", class: "ais-head ais-head-row" },
        h("div", { class: "ais-title" },
          h("h1", {}, "Connect to Globus Compute"),
          h("div", { class: "ais-dim" }, d.sign_in.words)),
        h("div", { class: "ais-grow" }),
        d.doing
          ? h("div", { key: "doing", class: "ais-dim ais-doing" },
              h("i", { class: "ais-lamp ais-lamp-starting", "aria-hidden": "true" }),
              d.doing)
          : null,
        d.sign_in.state === "in"
          ? button("Sign in as somebody else", () => this.send("sign-in"), { small: true, key: "again", blocked: gone })
          : null),
      d.problem ? h("div", { key: "problem", class: "ais-error", role: "alert" }, h("span", {}, d.problem)) : null,
      d.sign_in.state === "out"
        ? h("p", { key: "out", class: "ais-step" },
            button("Sign in to Globus", () => this.send("sign-in"), {
              main: true,
              blocked: gone,
              busy: Boolean(d.doing),
            }))
        : null,
      d.sign_in.state === "link" ? this.codeForm(d.sign_in.link, gone) : null,
      d.endpoints ? this.list(d.endpoints, gone) : null,
      d.form ? this.form(d.form, gone) : null);
  }

  codeForm(link, gone) {
    return h("form", {
      key: "code",
      class: "ais-step ais-code",
      onsubmit: (event) => {
        event.preventDefault();
        this.sign();
      },
    },
      h("ol", {},
        h("li", {},
          link
            ? h("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, "Open Globus in a new tab")
            : "Globus gave a link that leads elsewhere; it is not shown",
          " and sign in, with your institution’s account where it has one."),
        h("li", {},
          h("label", {},
            h("span", {}, "Copy the code that you are shown into this field: "),
            h("input", {
              class: "ais-input",
              type: "text",
              name: "code",
              autocomplete: "off",
              spellcheck: "false",
              autofocus: "",
              value: this.ui.code,
              oninput: (e) => {
                this.ui.code = e.target.value;
              },
            })))),
      h("div", { class: "ais-row" },
        h("button", { type: "submit", class: "ais-btn ais-main", "aria-disabled": gone ? "true" : null }, "Sign in"),
        button("Cancel", () => this.send("cancel"), {})),
      h("p", { class: "ais-dim" },
        "The code goes to Globus and is kept nowhere. You stay signed in on this machine, as with Globus’s own command line."));
  }

  list(d, gone) {
    return h("section", { key: "list", "aria-label": "Endpoints" },
      h("h2", {},
        h("b", {}, "Endpoints"),
        h("span", {}, d.as_of),
        h("span", { class: "ais-grow" }),
        button("Look again", () => this.send("look"), {
          small: true,
          key: "look",
          blocked: gone,
          busy: Boolean(this.shown.doing),
        })),
      d.items.length
        ? h("div", { class: "ais-scroll", tabindex: "0", role: "group", "aria-label": "List of endpoints" },
            h("table", {},
              h("thead", {},
                h("tr", {}, ["Endpoint", "State", "Python", "Watcher"].map((name) => h("th", { scope: "col" }, name)))),
              h("tbody", {}, d.items.map((e) => this.row(e, gone)))))
        : null,
      d.more ? h("div", { class: "ais-dim ais-more" }, d.more) : null,
      d.empty
        ? h("div", { key: "empty", class: "ais-empty" }, h("b", {}, "No endpoint is listed"), h("p", {}, d.empty))
        : null,
      h("form", {
        key: "find",
        class: "ais-row ais-find",
        onsubmit: (event) => {
          event.preventDefault();
          this.find();
        },
      },
        h("label", { class: "ais-field ais-wide" },
          h("span", {}, "Another endpoint, by its id"),
          h("input", {
            class: "ais-input",
            type: "text",
            name: "endpoint",
            autocomplete: "off",
            spellcheck: "false",
            placeholder: "4b116d3c-1703-4f8f-9f6f-39921e5864df",
            value: this.ui.id,
            oninput: (e) => {
              this.ui.id = e.target.value;
            },
          })),
        h("button", { type: "submit", class: "ais-btn", "aria-disabled": gone ? "true" : null }, "Ask for it")));
  }

  row(e, gone) {
    const choose = () => {
      if (!e.chosen && !gone) this.send("choose", e.id);
    };
    return h("tr", {
      key: e.id,
      class: e.chosen ? "ais-run ais-sel" : "ais-run",
      "data-endpoint": e.id,
      onclick: choose,
    },
      h("td", {},
        h("label", { class: "ais-pick" },
          h("input", { type: "radio", name: "ais-endpoint", checked: e.chosen, value: e.id, onchange: choose }),
          h("span", {},
            h("b", {}, e.name),
            e.own ? h("span", { class: "ais-dim" }, ` ${e.own}`) : null,
            h("span", { class: "ais-dim ais-id-text" }, e.id)))),
      h("td", {},
        h("span", { class: "ais-state-line" },
          h("i", { class: `ais-lamp ais-lamp-${e.state}`, "aria-hidden": "true" },
            { online: "", offline: "!", unknown: "?" }[e.state]),
          h("span", {}, e.words))),
      h("td", { class: "ais-num", title: e.python_note || null }, e.python || "", e.python_note ? " ⚠" : ""),
      h("td", {}, e.watch));
  }

  form(d, gone) {
    const { ui } = this;
    const text = (name) => ui.texts[name] ?? "";
    const set = (name) => (value) => {
      ui.texts[name] = value;
      this.typed();
    };
    const place = (name) => (value) => {
      ui.places[name] = value;
      this.typed();
    };
    return h("form", {
      key: `form-${d.id}`,
      class: "ais-form",
      "aria-label": `Settings of ${d.name}`,
      onsubmit: (event) => {
        event.preventDefault();
        this.use();
      },
    },
      h("h2", {},
        h("b", {}, d.name),
        h("span", {},
          d.ready
            ? d.fields.length
              ? "What its template is filled in with for runs; what you leave out is as its administrator set it"
              : ""
            : "Asking what it wants to know…")),
      d.notes.map((note, i) =>
        h("p", { key: `note${i}`, class: "ais-note-line" },
          h("span", { class: "ais-sign", "aria-hidden": "true" }, "! "),
          note),
      ),
      d.ready
        ? [
            h("div", { key: "fields", class: "ais-fields ais-settings" },
              d.fields.map((f) => this.field(f, `compute-${f.name}`, text(f.name), set(f.name)))),
            h("div", { key: "watch", class: "ais-fields ais-settings" },
              h("label", { class: "ais-field" },
                h("span", {}, "Watcher"),
                h("select", {
                  class: "ais-select",
                  name: "watch",
                  "aria-label": "Watcher",
                  "aria-description": d.watch.about,
                  value: ui.watch || d.watch.value,
                  onchange: (e) => {
                    ui.watch = e.target.value;
                    this.typed();
                  },
                },
                  d.watch.options.map((o) =>
                    h("option", { value: o.value, selected: o.value === (ui.watch || d.watch.value) }, o.label),
                  )),
                h("small", {}, d.watch.about)),
              d.watch.text
                ? this.field(
                    {
                      name: "watch_text",
                      label: "what the watcher’s template says",
                      form: "json",
                      about: "",
                      limits: "JSON",
                      required: true,
                      default: "",
                      options: [],
                      wrong: d.watch.wrong,
                    },
                    "watch_text",
                    ui.watch_text,
                    (value) => {
                      ui.watch_text = value;
                      this.typed();
                    },
                  )
                : null),
            h("details", { key: "more" },
              h("summary", {}, "Where files lie, how many at a time, through which port"),
              h("div", { class: "ais-fields ais-settings" },
                d.places.map((f) => this.field(f, f.name, ui.places[f.name] ?? "", place(f.name))),
                h("label", { class: "ais-field" },
                  h("span", {}, "Port for results"),
                  h("select", {
                    class: "ais-select",
                    name: "amqp_port",
                    "aria-label": "Port for results",
                    value: ui.places.amqp_port ?? "",
                    onchange: (e) => place("amqp_port")(e.target.value),
                  },
                    d.ports.map((o) =>
                      h("option", { value: o.value, selected: o.value === (ui.places.amqp_port ?? "") }, o.label),
                    )),
                  h("small", {}, "443 where a firewall leaves nothing else open")))),
            this.outcome(d, gone),
          ]
        : null);
  }

  field(f, id, value, set) {
    const wrong = f.wrong && (value || this.ui.tried) ? f.wrong : "";
    const about = [f.about, f.limits].filter(Boolean).join(" · ");
    const common = {
      name: id,
      class: wrong ? "ais-input ais-bad" : "ais-input",
      "aria-invalid": wrong ? "true" : null,
      "aria-required": f.required ? "true" : null,
      "aria-label": f.label,
      "aria-description": wrong || about || null,
    };
    const left_out = f.default ? `as set there (${f.default})` : f.required ? "choose…" : "as set there";
    return h("label", { key: id, class: "ais-field" },
      h("span", {}, f.label, f.required ? h("i", { class: "ais-needed" }, " (needed)") : null),
      f.form === "choice"
        ? h("select", {
            ...common,
            class: wrong ? "ais-select ais-bad" : "ais-select",
            value,
            onchange: (e) => set(e.target.value),
          },
            h("option", { value: "", selected: value === "" }, left_out),
            f.options.map((o) => h("option", { value: o.value, selected: o.value === value }, o.label)))
        : h("input", {
            ...common,
            type: "text",
            autocomplete: "off",
            spellcheck: "false",
            inputmode: f.form === "integer" ? "numeric" : null,
            placeholder: f.default,
            value,
            oninput: (e) => set(e.target.value),
          }),
      wrong ? h("small", { class: "ais-wrong", role: "alert" }, wrong) : null,
      about ? h("small", {}, about) : null);
  }

  outcome(d, gone) {
    const { shown, ui } = this;
    return h("div", { key: "outcome", class: "ais-outcome" },
      d.problem && ui.tried
        ? h("div", { key: "problem", class: "ais-error", role: "alert" }, h("span", {}, d.problem))
        : null,
      shown.line
        ? h("div", { key: "line", class: "ais-row" },
            h("code", { class: "ais-line", tabindex: "0", "aria-label": "The same as a line of code" }, shown.line),
            button(ui.copied ? "Copied" : "Copy", () => this.copy(), { small: true, name: "Copy the line" }))
        : null,
      h("div", { key: "use", class: "ais-row" },
        h("button", { type: "submit", class: "ais-btn ais-main", "aria-disabled": gone ? "true" : null },
          "Use this endpoint"),
        shown.used
          ? h("span", { class: "ais-dim", role: "status" },
              shown.same
                ? "Taken. It is this panel’s .endpoint: ai.Campaign(…, endpoint=panel.endpoint)"
                : "Another was taken before, or the form has changed since; press it to take this one.")
          : null));
  }
}

function render({ model, el }) {
  const view = new ConnectView(model, el);
  return () => view.dispose();
}

export default { render };
