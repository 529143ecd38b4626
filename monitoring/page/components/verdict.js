function next(item) {
  if (!item.action) return [];
  const link = item.link ? [" ", element("a", { href: item.link[1], target: "_self" }, item.link[0])] : [];
  return [element("p", { className: "next" }, element("b", {}, "Next: "), ...withTimes(item.action), ...link)];
}

function lines(item) {
  return item.lines.map((line) => element("p", {}, ...withTimes(line)));
}

// The element stays and only its content changes: otherwise a screen reader does not read it out.
function headline(made, item) {
  const state = element("p", { className: "state" }, STATES[item.level]);
  const title = element("h2", {}, ...withTimes(item.title));
  made.className = `headline ${item.level}`;
  replace(made, mark(item.level), element("div", {}, state, title, ...lines(item), ...next(item)));
}

function entry(item) {
  const state = element("span", { className: "hidden" }, `${STATES[item.level]}: `);
  const title = element("b", {}, ...withTimes(item.title));
  const content = element("div", {}, state, title, ...lines(item), ...next(item));
  return element("li", { className: item.level }, mark(item.level), content);
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  if (!root.firstChild) {
    if (data.headline) root.append(element("section", { role: "status", ariaLabel: "Status" }));
    root.append(element("div", {}));
  }
  const others = data.items.slice(data.headline ? 1 : 0);
  const list = others.length ? [element("ul", {}, ...others.map(entry))] : [];
  const note = data.note ? [element("p", { className: "note" }, ...withTimes(data.note))] : [];
  if (data.headline) headline(root.firstChild, data.items[0]);
  replace(root.lastChild, ...list, ...note);
}
