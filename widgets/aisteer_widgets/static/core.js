// A small virtual DOM. Text is only ever a text node, so nothing that is shown can become markup.

const SVG = "http://www.w3.org/2000/svg";
const IN_SVG = new Set([
  "svg",
  "g",
  "path",
  "line",
  "rect",
  "circle",
  "polyline",
  "polygon",
  "text",
  "title",
  "defs",
  "clipPath",
  "pattern",
]);

function h(tag, props, ...children) {
  const flat = children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false && c !== "");
  return { tag, props: props || {}, key: props && props.key !== undefined ? String(props.key) : null, children: flat };
}

function create(v, svg) {
  if (typeof v !== "object") return document.createTextNode(String(v));
  const inSvg = v.tag === "svg" || (svg && IN_SVG.has(v.tag));
  const node = inSvg ? document.createElementNS(SVG, v.tag) : document.createElement(v.tag);
  node.__props = {};
  node.__key = v.key;
  node.__tag = v.tag;
  update(node, v, inSvg);
  return node;
}

function update(node, v, svg) {
  setProps(node, v.props);
  reconcile(node, v.children, svg);
  // A choice is made last: options that come or go move what the browser holds for chosen.
  if (v.tag === "select" && node.value !== v.props.value && v.props.value !== undefined) node.value = v.props.value;
  if (v.props.draw && node.__stamp !== v.props.stamp) {
    node.__stamp = v.props.stamp;
    try {
      v.props.draw(node);
    } catch (error) {
      console.error("aisteer: a picture cannot be drawn", error);
    }
  }
}

function reconcile(parent, vs, svg) {
  const wanted = new Set(vs.map((v) => v.key).filter((k) => k !== null && k !== undefined));
  const keyed = new Map();
  for (const node of [...parent.childNodes]) {
    if (node.__key === null || node.__key === undefined) continue;
    if (wanted.has(node.__key)) keyed.set(node.__key, node);
    else node.remove(); // Removed first, so that the ones that stay need not move and keep the focus.
  }
  let at = parent.firstChild;
  for (const v of vs) {
    const text = typeof v !== "object";
    let node = null;
    if (!text && v.key !== null) node = keyed.get(v.key) || null;
    else if (at && (at.__key === null || at.__key === undefined)) node = at;
    const same = node && (text ? node.nodeType === 3 : node.__tag === v.tag);
    if (!same) {
      const made = create(v, svg);
      parent.insertBefore(made, at);
      continue;
    }
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
    if (text) {
      if (node.data !== String(v)) node.data = String(v);
    } else update(node, v, v.tag === "svg" || svg);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function setProps(node, props) {
  const old = node.__props;
  for (const name of Object.keys(old)) if (!(name in props)) setProp(node, name, null, old[name]);
  for (const [name, value] of Object.entries(props)) if (value !== old[name]) setProp(node, name, value, old[name]);
  node.__props = props;
}

function setProp(node, name, value, old) {
  if (name === "key" || name === "draw" || name === "stamp") return;
  if (name === "ref") {
    if (value) value(node);
    return;
  }
  if (name.startsWith("on")) {
    const kind = name.slice(2);
    node.__on = node.__on || {};
    if (!(kind in node.__on)) node.addEventListener(kind, (event) => node.__on[kind] && node.__on[kind](event));
    node.__on[kind] = value;
  } else if (name === "style") {
    for (const key of Object.keys(old || {})) if (!value || !(key in value)) node.style.removeProperty(key);
    for (const [key, v] of Object.entries(value || {})) node.style.setProperty(key, v);
  } else if (name === "value") {
    // An option without a value has its text for one, which is not there yet.
    if (value !== null && (node.value !== value || node.tagName === "OPTION")) node.value = value;
  } else if (name === "disabled" || name === "selected" || name === "checked" || name === "hidden") {
    node[name] = Boolean(value);
  } else if (name === "src") {
    if (typeof value === "string" && value.startsWith("data:image/svg+xml;")) node.setAttribute("src", value);
    else node.removeAttribute("src");
  } else if (value === null || value === undefined || value === false) {
    node.removeAttribute(name);
  } else node.setAttribute(name, String(value));
}

function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
}

// A button. One that cannot be used says why: it stays reachable, so that the reason can be read.
function button(label, onclick, { key, kbd, main, blocked, title, busy, name, small } = {}) {
  const classes = ["ais-btn", main && "ais-main", small && "ais-small", busy && "ais-busy"].filter(Boolean).join(" ");
  return h("button", {
    key,
    type: "button",
    class: classes,
    title: blocked || title || null,
    "aria-disabled": blocked || busy ? "true" : null,
    "aria-description": blocked || null,
    "aria-label": name || null,
    onclick: (event) => {
      event.stopPropagation();
      if (!blocked && !busy) onclick(event);
    },
  },
    label,
    kbd ? h("kbd", { "aria-hidden": "true" }, kbd) : null);
}

function plain(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "";
  const size = Math.abs(value);
  if (size && (size >= 1e6 || size < 1e-3)) return value.toExponential(1).replace("e", "×10^").replace("+", "");
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toLocaleString("en", { maximumFractionDigits: digits }).replace("-", "−");
}
