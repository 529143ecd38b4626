export default function ({ data, parentElement }) {
  const { caption, head, rows, note, list, hasTimes } = data;
  const content = (cell) => (hasTimes ? withTimes(cell) : [cell]); // a text that only looks like a time stays as it is
  const cells = (tag, row, own = {}) => row.map((cell) => element(tag, { ...own, dir: "auto" }, ...content(cell)));
  const lines = rows.map(([first, ...others]) => {
    const values = cells("td", others);
    values.forEach((value, place) => (value.dataset.title = head ? head[place + 1] : ""));
    return element("tr", {}, ...cells("th", [first], { scope: "row" }), ...values);
  });
  const table = element("table", {}, element("caption", {}, caption));
  if (head) table.append(element("thead", {}, element("tr", {}, ...cells("th", head, { scope: "col" }))));
  table.append(element("tbody", {}, ...lines));
  const scrolled = element("div", { className: "scrolled", role: "region", ariaLabel: caption, tabIndex: 0 }, table);
  const shown = rows.length ? [scrolled] : [];
  if (note) shown.push(element("p", { className: "note" }, ...withTimes(note)));
  if (list) {
    const items = list.items.map((item) => element("li", { dir: "auto" }, item));
    shown.push(element("p", {}, list.title), element("ul", {}, ...items));
  }
  replace(parentElement.querySelector(".root"), ...shown);
}
