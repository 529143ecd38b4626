// The card may come from anyone: its texts become text nodes here, never markup.

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function table(rows) {
  const lines = rows.map(([subject, text]) =>
    element("tr", {}, element("th", { scope: "row" }, subject), element("td", { dir: "auto" }, text)),
  );
  return element("table", {}, element("tbody", {}, ...lines));
}

function list(limits) {
  const items = limits.map((limit) => element("li", { dir: "auto" }, limit));
  return [element("p", {}, "Limits"), element("ul", {}, ...items)];
}

export default function ({ data, parentElement }) {
  const { rows, limits } = data;
  const root = parentElement.querySelector(".root");
  root.replaceChildren();
  if (rows.length) {
    const note = "In brackets the 95 % interval, where the card has one.";
    root.append(table(rows), element("p", { className: "note" }, note));
  }
  if (limits.length) root.append(...list(limits));
}
