// Whether to believe it: what drives it, how predictions held, what it costs to have both.

function side_by_side(ctx, name, panels, height, make) {
  return sized(ctx, name, height, (width) => {
    const columns = panels.length > 1 && width > 520 ? 2 : 1,
      each = Math.floor((width - 16 * (columns - 1)) / columns);
    return h("div", { class: "ais-slices", style: { "grid-template-columns": `repeat(${columns}, ${each}px)` } },
      panels.map((p) => make(p, each)));
  });
}

// --- what drives it -------------------------------------------------------------------------------

function drivesChart(ctx, c) {
  const at = (v) => `${(100 * v).toFixed(1)}%`;
  return h("div", { key: "drives" },
    h("div", {
      class: "ais-drives",
      role: "table",
      "aria-label": "Share of the predicted mean’s variance by parameter",
    },
      c.rows.map((r) =>
        h("div", { key: r.name, class: "ais-drive", role: "row" },
          h("span", { role: "cell", class: "ais-drive-name", title: r.name }, r.label),
          h("span", { role: "cell", class: "ais-track", "aria-label": r.text, title: r.text },
            h("i", { class: "ais-total", style: { width: at(r.total) } }),
            h("i", { class: "ais-first", style: { width: at(r.first) } }),
            h("i", {
              class: "ais-whisker ais-whisker-first",
              style: { left: at(r.first_low), width: at(Math.max(0, r.first_high - r.first_low)) },
            }),
            h("i", {
              class: "ais-whisker ais-whisker-total",
              style: { left: at(r.total_low), width: at(Math.max(0, r.total_high - r.total_low)) },
            })),
          h("span", { role: "cell", class: "ais-num ais-drive-text" }, r.text),
          h("span", { role: "cell", class: "ais-num ais-dim ais-drive-scale", title: r.scale_title }, r.scale)),
      )),
    h("div", { class: "ais-legend" },
      key(h("i", { class: "ais-key ais-first" }), "alone (first order)"),
      key(h("i", { class: "ais-key ais-total" }), "in all, with others (total)"),
      c.more ? h("span", {}, c.more) : null),
    h("p", { class: "ais-note-line ais-num" }, c.words),
    h("p", { class: "ais-note-line ais-dim" }, c.note));
}

// --- predicted and measured -----------------------------------------------------------------------

function testedChart(ctx, c) {
  const height = 250;
  const letters = c.panels.map((p) => p.marks.letters).join("");
  return h("div", { key: "tested" },
    side_by_side(ctx, "tested", c.panels, height, (p, width) =>
      h("figure", { key: p.name, class: "ais-tested" },
        h("figcaption", {}, h("b", {}, p.title)),
        testedPlot(ctx, c, p, width, height),
        h("p", { class: "ais-note-line ais-dim ais-num" }, p.note)),
    ),
    c.waits ? busyLine({ busy: { share: 0, words: "Predicting each run from the others" } }) : null,
    h("div", { class: "ais-legend" },
      lineKey("ais-diagonal", "as predicted"),
      legendOf(letters),
      h("span", {}, "bars: 95 %"),
      markKey("run", "outside its 95 % interval", "ais-out-ring")));
}

const MANY = 40; // points beyond which their bars are light, as they would be one dark mass

function testedPlot(ctx, c, p, width, height) {
  const m = p.marks,
    x = floats(m.x),
    y = floats(m.y),
    ex = floats(m.ex),
    ey = floats(m.ey),
    inside = floats(m.inside);
  const [low, high] = extent([...x, ...y], 0.12),
    axis = { low, high };
  return framed({
    key: `${p.name}-plot`,
    width,
    height,
    x: { ...axis, label: p.x_label },
    y: axis,
    yLabel: c.y_label,
    label: `${p.title}: predicted against measured, ${m.names.length} runs`,
    draw: (X, Y, b) => [
      h("line", { class: "ais-diagonal", x1: X(low), y1: Y(low), x2: X(high), y2: Y(high) }),
      h("g", { key: "bars", class: m.names.length > MANY ? "ais-bars ais-light" : "ais-bars" },
        m.names.map((name, i) => whiskers(x[i], y[i], ex[i], ey[i], X, Y, b))),
      m.names.map((name, i) =>
        h("g", { key: name, class: `ais-point ${chosen(ctx, name)}`, onclick: () => ctx.select_run(name) },
          m.names.length > MANY && chosen(ctx, name) ? whiskers(x[i], y[i], ex[i], ey[i], X, Y, b) : null,
          inside[i]
            ? null
            : h("circle", { class: "ais-out-ring", cx: X(x[i]), cy: Y(y[i]), r: m.names.length > MANY ? 4.5 : 6.5 }),
          letterMark(
            m.letters[i],
            X(x[i]),
            Y(y[i]),
            m.names.length > MANY ? 2.4 : 3,
            {},
            `${name}: predicted ${plain(x[i])} ± ${plain(ex[i])} (95 %), measured ${plain(y[i])}`,
          )),
      ),
    ],
  });
}

// --- shares ---------------------------------------------------------------------------------------

// Shares in rows, each with its 95 % interval and, where something was claimed of it, a line there.
function rateRows(rows, label) {
  const at = (v) => `${(100 * v).toFixed(1)}%`;
  return h("div", { key: "rates", class: "ais-rates", role: "table", "aria-label": label },
    rows.map((r) =>
      h("div", { key: r.term, class: "ais-drive", role: "row" },
        h("span", { role: "cell" }, r.term),
        h("span", {
          role: "cell",
          class: "ais-track",
          title: `95 % interval ${r.interval}${r.claimed === null ? "" : `; claimed: ${Math.round(100 * r.claimed)} %`}`,
          "aria-label": `${r.text}, 95 % interval ${r.interval}`,
        },
          r.claimed === null ? null : h("i", { class: "ais-claimed", style: { left: at(r.claimed) } }),
          h("i", { class: "ais-range-of", style: { left: at(r.low), width: at(Math.max(0, r.high - r.low)) } }),
          h("i", { class: "ais-share", style: { left: at(r.share) } })),
        h("span", { role: "cell", class: "ais-num" },
          h("b", {}, r.text),
          h("span", { class: "ais-dim" }, ` (${r.interval})`)),
        h("span", { role: "cell", class: "ais-dim" }, r.more || "")),
    ));
}

// --- calibration ----------------------------------------------------------------------------------

function calibrationChart(ctx, c) {
  const panels = ["levels", ...(c.rolling ? ["rolling"] : [])],
    height = 220;
  return h("div", { key: "calibration" },
    h("p", { class: "ais-note-line ais-num" }, `${c.words}; ${c.density}`),
    side_by_side(ctx, "calibration", panels, height, (p, width) =>
      h("figure", { key: p },
        h("figcaption", {}, h("b", {}, p === "levels" ? "By level" : `Over time, the last ${c.rolling.window}`)),
        p === "levels" ? levelsPlot(ctx, c, width, height) : rollingPlot(ctx, c, width, height)),
    ),
    h("div", { class: "ais-legend" },
      lineKey("ais-mean", "share inside, as predicted before the runs"),
      key(h("i", { class: "ais-swatch" }), "95 % interval of that share"),
      c.recent ? lineKey("ais-recent", `the last ${c.recent.n}`) : null,
      lineKey("ais-diagonal", "what was claimed")),
    c.groups.length
      ? rateRows(
          c.groups,
          `Share of outcomes inside their ${Math.round(100 * c.level)} % intervals, by who chose the point`,
        )
      : null);
}

const SHARE = { low: 0, high: 1 };

function levelsPlot(ctx, c, width, height) {
  return framed({
    key: "levels",
    width,
    height,
    x: { ...SHARE, label: "level of the interval" },
    y: SHARE,
    yLabel: "share of outcomes inside",
    label: `Share of ${c.n} outcomes inside intervals of each level`,
    draw: (X, Y, b) => [
      bandOf(ctx, c.levels, c.low, c.share, c.high, X, Y, b),
      c.recent ? h("path", { class: "ais-recent", d: path(c.levels, c.recent.share, X, Y) }) : null,
      h("line", { class: "ais-diagonal", x1: X(0), y1: Y(0), x2: X(1), y2: Y(1) }),
    ],
  });
}

function rollingPlot(ctx, c, width, height) {
  const r = c.rolling,
    last = r.x[r.x.length - 1];
  return framed({
    key: "rolling",
    width,
    height,
    x: { low: Math.min(r.x[0], last - 1), high: last, label: "outcomes that had been predicted" },
    y: SHARE,
    yLabel: `share inside the ${Math.round(100 * c.level)} % interval`,
    label: `Rolling share inside the ${Math.round(100 * c.level)} % interval`,
    draw: (X, Y, b) => [
      bandOf(ctx, r.x, r.low, r.share, r.high, X, Y, b),
      h("line", { class: "ais-diagonal", x1: b.l, x2: b.W - b.r, y1: Y(c.level), y2: Y(c.level) }),
    ],
  });
}

// --- several objectives ---------------------------------------------------------------------------

function frontChart(ctx, c) {
  const height = 250,
    m = c.marks,
    e = c.expected;
  const x = floats(m.x),
    y = floats(m.y),
    ex = floats(m.ex),
    ey = floats(m.ey),
    top = floats(m.top),
    out = floats(m.out);
  const qx = floats(e.x),
    qy = floats(e.y),
    qex = floats(e.ex),
    qey = floats(e.ey);
  const [x0, x1] = extent([...x, ...qx, ...(c.reference[0] === null ? [] : [c.reference[0]])]),
    [y0, y1] = extent([...y, ...qy, ...(c.reference[1] === null ? [] : [c.reference[1]])]);
  return h("div", { key: "front" },
    h("p", { class: "ais-note-line ais-num" }, c.words),
    sized(ctx, "front", height, (width) =>
      framed({
        key: "front-plot",
        width,
        height,
        x: { low: x0, high: x1, label: `${c.x_label} ${c.better[0] > 0 ? "→ better" : "← better"}` },
        y: { low: y0, high: y1 },
        yLabel: `${c.y_label} ${c.better[1] > 0 ? "↑ better" : "↓ better"}`,
        label: `Trade-off of ${c.x_label} and ${c.y_label}, ${m.names.length} runs`,
        draw: (X, Y, b) => [
          c.reference[0] === null
            ? null
            : h("line", {
                key: "reference-x",
                class: "ais-diagonal",
                x1: X(c.reference[0]),
                x2: X(c.reference[0]),
                y1: b.t,
                y2: b.H - b.b,
              }),
          c.reference[1] === null
            ? null
            : h("line", {
                key: "reference-y",
                class: "ais-diagonal",
                x1: b.l,
                x2: b.W - b.r,
                y1: Y(c.reference[1]),
                y2: Y(c.reference[1]),
              }),
          c.front.length ? h("path", { class: "ais-stair", d: frontier(c.front, c.better, X, Y) }) : null,
          m.names.map((name, i) =>
            h("g", {
              key: name,
              class: `ais-point ${chosen(ctx, name)}`,
              style: { opacity: top[i] ? 1 : 0.45 },
              "data-out": out[i] ? "true" : null,
              onclick: () => ctx.select_run(name),
            },
              whiskers(x[i], y[i], ex[i], ey[i], X, Y, b),
              letterMark(
                m.letters[i],
                X(x[i]),
                Y(y[i]),
                top[i] ? 3.8 : 2.8,
                { class: out[i] ? "ais-hollow" : "" },
                `${name}: ${plain(x[i])}, ${plain(y[i])}${out[i] ? `, ${c.asides.join(" or ")}` : top[i] ? ", beaten by none" : ""}`,
              ),
              out[i] ? strike(X(x[i]), Y(y[i])) : null),
          ),
          e.names.map((name, i) =>
            h("g", { key: name, class: `ais-point ${chosen(ctx, name)}`, onclick: () => ctx.select(name) },
              whiskers(qx[i], qy[i], qex[i], qey[i], X, Y, b),
              letterMark(e.letters[i], X(qx[i]), Y(qy[i]), 4.4, {}, name)),
          ),
        ],
      }),
    ),
    h("div", { class: "ais-legend" },
      c.front.length ? lineKey("ais-stair", "beaten by none") : null,
      legendOf(m.letters + e.letters),
      struckKeys(c.asides),
      h("span", {}, "bars: 95 %"),
      c.reference.some((r) => r !== null) ? lineKey("ais-diagonal", "reference") : null));
}

// Steps between the runs of the front (they come by their first outcome): what is on its worse side is beaten.
function frontier(points, better, X, Y) {
  let d = "";
  points.forEach(([x, y], i) => {
    if (!i) d += `M${X(x).toFixed(1)} ${Y(y).toFixed(1)}`;
    else d += better[0] > 0 ? `V${Y(y).toFixed(1)}H${X(x).toFixed(1)}` : `H${X(x).toFixed(1)}V${Y(y).toFixed(1)}`;
  });
  return d;
}
