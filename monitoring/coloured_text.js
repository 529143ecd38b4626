// Texts come from outside: they become text nodes and titles here, never markup.

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function coloured(piece, sides) {
  if (!piece.figure) return piece.text;
  const title = piece.side ? `${piece.figure} ${sides[piece.side]}` : piece.figure;
  const span = element("span", { className: piece.side ?? "", title }, piece.text);
  span.style.setProperty("--strength", piece.strength);
  return span;
}

function legend(sides) {
  const sample = (side, name) => element("span", { className: side }, `${name}: ${sides[side]}`);
  return element(
    "p",
    { className: "legend" },
    sample("for", "Blue, underlined"),
    " ",
    sample("against", "Orange, dotted"),
    "The stronger the colour, the more a word counted; pointing at it shows what it added to the model's score.",
  );
}

function row(term, sides) {
  const side = term.side ? coloured({ ...term, text: sides[term.side] }, sides) : "";
  return element(
    "tr",
    {},
    element("td", { dir: "auto" }, term.text),
    element("td", { className: "figure" }, term.figure),
    element("td", {}, side),
  );
}

function table(terms, sides) {
  const titles = ["term", "contribution", "speaks"].map((title) => element("th", { scope: "col" }, title));
  return element(
    "table",
    {},
    element("caption", {}, "The strongest terms"),
    element("thead", {}, element("tr", {}, ...titles)),
    element("tbody", {}, ...terms.map((term) => row(term, sides))),
  );
}

export default function ({ data, parentElement }) {
  const { request, pieces, sides, terms } = data;
  const root = parentElement.querySelector(".root");
  const text = element("div", { className: "text", role: "region", ariaLabel: "Text of the request", tabIndex: 0 });
  text.append(...pieces.map((piece) => coloured(piece, sides)));
  root.replaceChildren(text);
  if (sides) root.append(legend(sides));
  if (terms.length) root.append(table(terms, sides));
  if (root.dataset.request !== request) text.scrollIntoView({ block: "nearest" });
  root.dataset.request = request;
}
