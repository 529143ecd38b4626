function coloured(piece, sides) {
  if (typeof piece === "string") return piece;
  const [text, side, strength, figure] = piece;
  const title = side ? `${figure} ${sides[side]}` : figure;
  const span = element("span", { className: side ?? "", title }, text);
  span.style.setProperty("--strength", strength);
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
    "A stronger colour is a larger contribution. Hover over a word to see what it adds to the model's score.",
  );
}

function row([text, side, strength, figure], sides) {
  return element(
    "tr",
    {},
    element("td", { dir: "auto" }, text),
    element("td", { className: "figure" }, figure),
    element("td", {}, side ? coloured([sides[side], side, strength, figure], sides) : ""),
  );
}

function table(terms, sides) {
  const titles = ["term", "contribution", "direction"].map((title) => element("th", { scope: "col" }, title));
  return element(
    "table",
    {},
    element("caption", {}, "The strongest terms"),
    element("thead", {}, element("tr", {}, ...titles)),
    element("tbody", {}, ...terms.map((term) => row(term, sides))),
  );
}

export default function ({ data, parentElement }) {
  const { request, name = "Text of the request", origin, pieces, sides, terms } = data;
  const root = parentElement.querySelector(".root");
  const text = element("div", { className: "text", role: "region", ariaLabel: name, tabIndex: 0 });
  text.append(...pieces.map((piece) => coloured(piece, sides)));
  root.replaceChildren(text);
  if (origin) text.before(element("p", { className: "origin" }, ...withTimes(origin)));
  if (sides) root.append(legend(sides));
  if (terms.length) root.append(table(terms, sides));
  if (request && root.dataset.request !== request) text.scrollIntoView({ block: "nearest" });
  root.dataset.request = request ?? "";
}
