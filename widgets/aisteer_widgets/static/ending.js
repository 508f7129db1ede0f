// A proposal to end: what each rule saw, what the campaign would end with, and what either answer does.

function endingBody(c, full) {
  const e = c.ending;
  if (!full) return h("div", { class: "ais-dim" }, e.rows.map((r) => r.text).join("; "));
  const rows = [];
  const put = (term, ...what) =>
    rows.push(h("dt", { key: `t${rows.length}` }, term), h("dd", { key: `d${rows.length}` }, ...what));
  for (const r of e.rows)
    put(
      r.term,
      h("span", { class: "ais-items" },
        h("b", {}, r.text),
        r.asked ? h("span", { class: "ais-dim ais-item" }, r.asked) : null),
    );
  if (e.best) put("Best so far", h("span", {}, e.best));
  put("Then", h("span", { class: "ais-dim" }, e.words));
  return h("dl", { class: "ais-why ais-ending ais-num" }, rows);
}
