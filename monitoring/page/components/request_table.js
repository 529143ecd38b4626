// A row keeps its element while it is in the table, so that a refresh moves no row under the pointer or the focus.

function cell(name, title, ...children) {
  const made = element("td", { className: name, role: "cell" }, ...children);
  made.dataset.title = title;
  return made;
}

function line(row, choose) {
  const open = element("button", { type: "button", dir: "auto", tabIndex: -1 }, row.text || "(an empty text)");
  const made = element(
    "tr",
    { role: "row" },
    cell("time", "time", ...withTimes(row.time)),
    cell("text", "text", open),
    cell("label", "predicted", element("span", { dir: "auto" }, row.predicted)),
    cell("label", "true label", element("span", { dir: "auto" }, row.true ?? "not known")),
    cell("outcome", "outcome", element("span", { className: row.outcome.replace(" ", "-") }, row.outcome)),
    cell("figure", "confidence", row.confidence === null ? "not known" : row.confidence.toFixed(3)),
    cell("label", "version", element("span", { dir: "auto" }, row.version ?? "not known")),
  );
  made.addEventListener("click", () => choose(row.key));
  return made;
}

function head(titles) {
  const cells = titles.map((title) => element("th", { scope: "col", role: "columnheader" }, title));
  return element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...cells));
}

function build(root) {
  const body = element("tbody", { role: "rowgroup" });
  const table = element(
    "table",
    { role: "table", ariaLabel: "Requests" },
    head(["time", "text", "predicted", "true label", "outcome", "confidence", "version"]),
    body,
  );
  const scrolled = element("div", { className: "scrolled", role: "region", ariaLabel: "Requests", tabIndex: 0 }, table);
  const note = element("p", { className: "note", role: "status" });
  root.replaceChildren(scrolled, note);
  return { body, note, lines: new Map(), shown: "", waiting: null };
}

// The Tab key stops once in the table, at this button. The arrow keys move between rows.
function stopAt(state, button) {
  for (const other of state.body.querySelectorAll("button")) other.tabIndex = other === button ? 0 : -1;
}

function step(state, event) {
  const buttons = [...state.body.querySelectorAll("button")];
  const place = buttons.indexOf(event.target);
  const to = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (place < 0 || !buttons[to]) return;
  event.preventDefault();
  buttons[to].focus();
}

function draw(state, data, choose) {
  const focused = state.body.getRootNode().activeElement?.closest("tr");
  const wanted = new Set(data.rows.map((row) => row.key));
  for (const [key, { made }] of state.lines) {
    if (!wanted.has(key)) {
      made.remove();
      state.lines.delete(key);
    }
  }
  data.rows.forEach((row, place) => {
    const content = JSON.stringify(row);
    let known = state.lines.get(row.key);
    if (!known || known.content !== content) {
      const made = line(row, choose);
      if (known) known.made.replaceWith(made);
      if (known && known.made === focused) made.querySelector("button").focus({ preventScroll: true });
      known = { made, content };
      state.lines.set(row.key, known);
    }
    if (state.body.children[place] !== known.made) state.body.insertBefore(known.made, state.body.children[place]);
    known.made.classList.toggle("selected", row.key === data.selected);
    known.made.querySelector("button").setAttribute("aria-expanded", row.key === data.selected);
  });
  const reached = state.body.querySelector("button:focus, .selected button") ?? state.body.querySelector("button");
  stopAt(state, reached);
  state.note.textContent = "";
  state.waiting = null;
  state.shown = data.view;
}

const states = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  if (!states.has(root)) {
    states.set(root, build(root));
    const later = () => setTimeout(() => states.get(root).waiting?.(), 0);
    root.addEventListener("pointerleave", later);
    root.addEventListener("focusout", later);
    root.addEventListener("focusin", (event) => event.target.matches("button") && stopAt(states.get(root), event.target));
    root.addEventListener("keydown", (event) => step(states.get(root), event));
  }
  const state = states.get(root);
  const choose = (key) => setTriggerValue("chosen", `${key} ${performance.now()}`); // unique for each click
  const now = () => {
    if (root.matches(":hover") || root.querySelector(":focus-visible")) return;
    draw(state, data, choose);
  };
  // What the user asked for is shown at once. New requests wait while the pointer or the keyboard focus is in the table.
  if (state.shown !== data.view) draw(state, data, choose);
  else {
    state.waiting = now;
    now();
    if (state.waiting) {
      const newer = data.rows.filter((row) => !state.lines.has(row.key)).length;
      state.note.textContent = newer ? `${newer} newer, shown when the pointer leaves the table.` : "";
    }
  }
}
