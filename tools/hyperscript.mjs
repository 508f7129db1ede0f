// A plugin for prettier: h("tag", { … }, …) keeps its tag and properties on one line and its children below, as JSX would.
//
//     npm install --no-save prettier@3.10.1 && npx prettier --plugin ./tools/hyperscript.mjs --print-width 120 --write widgets/aisteer_widgets/static/*.js

import { doc } from "prettier";
import * as estree from "prettier/plugins/estree";

const { group, indent, join, line } = doc.builders;
const base = estree.printers.estree;

function isElement({ type, callee, arguments: given, comments }) {
  return type === "CallExpression" && callee.name === "h" && given.length > 1 && !comments;
}

function print(path, options, printed, args) {
  if (!isElement(path.node)) return base.print(path, options, printed, args);
  const [tag, properties, ...children] = path.map(printed, "arguments");
  const head = ["h(", tag, ", ", properties];
  return children.length ? group([...head, ",", indent([line, join([",", line], children)]), ")"]) : [...head, ")"];
}

export const printers = { estree: { ...base, print } };
