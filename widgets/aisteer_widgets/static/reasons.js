// Why a point is proposed: what is expected of it, what it is near, what it risks and costs.

// ± is one standard deviation, as everywhere; the bar is the 95 % band.
const SPREAD = "± is one standard deviation; the bar is the 95 % band";

function whyList(c) {
  const rows = [];
  const put = (term, ...what) =>
    rows.push(h("dt", { key: `t${rows.length}` }, term), h("dd", { key: `d${rows.length}` }, ...what));
  if (c.expected && !c.picture) {
    const e = c.expected;
    if (e.pending) put(e.term, h("span", { class: "ais-dim" }, e.text));
    else
      put(
        e.term,
        interval(e),
        h("span", { class: "ais-items", title: SPREAD },
          h("b", {}, e.text),
          e.band ? h("span", { class: "ais-item" }, e.band) : "",
          e.parent ? h("span", { class: "ais-item" }, e.parent) : "",
          e.best_text ? h("span", { class: "ais-dim ais-item" }, e.best_text) : ""),
      );
  }
  if (c.stopping?.end)
    put(
      "Foreseen end",
      interval(c.stopping.end),
      h("span", { class: "ais-items", title: SPREAD },
        h("b", {}, c.stopping.end.text),
        h("span", { class: "ais-item" }, c.stopping.end.band),
        h("span", { class: "ais-dim ais-item" }, c.stopping.end.best_text)),
    );
  if (c.stopping?.curve) put("So far", soFar(c.stopping.curve));
  for (const r of c.stopping?.rows || []) put(r.term, h("span", {}, r.text));
  for (const o of c.expected?.others || [])
    put(
      o.term,
      h("span", { class: "ais-items", title: SPREAD }, h("b", {}, o.text), h("span", { class: "ais-item" }, o.band)),
    );
  for (const r of c.risks || []) put(r.term, h("span", { class: r.bad ? "ais-risk" : "" }, r.text));
  if (c.why)
    put(
      "Why here",
      h("span", { class: "ais-split", role: "img", title: c.why.title, "aria-label": c.why.text },
        h("i", { class: "ais-exploit", style: { width: `${100 * c.why.exploit}%` } }),
        h("i", { class: "ais-explore", style: { width: `${100 - 100 * c.why.exploit}%` } })),
      h("span", { title: c.why.title },
        h("span", { class: "ais-part-key ais-exploit", "aria-hidden": "true" }),
        `${c.why.parts[0]} exploit + `,
        h("span", { class: "ais-part-key ais-explore", "aria-hidden": "true" }),
        `${c.why.parts[1]} explore`),
    );
  if (c.acquisition) put("Acquisition", h("span", { title: c.ranked || null }, c.acquisition));
  if (c.slopes.length)
    put(
      "Around it",
      h("span", {
        class: "ais-items",
        title: "What a step of one length scale would change, by the slope of the predicted mean here",
      },
        c.slopes.map((s) => h("span", { class: "ais-item" }, s))),
    );
  if (c.nearest.length)
    put("Nearest runs", h("span", { class: "ais-items" }, c.nearest.map((n) => h("span", { class: "ais-near" }, n))));
  if (c.next)
    put(
      "If rejected",
      h("span", { title: "What the AI would propose next, were this one rejected and nothing else to happen" }, c.next),
    );
  if (c.reasons.length) put("Also", h("span", {}, c.reasons.join(" · ")));
  if (c.note) put(c.note_label, h("span", {}, c.note));
  return rows.length ? h("dl", { class: "ais-why ais-num" }, rows) : null;
}
