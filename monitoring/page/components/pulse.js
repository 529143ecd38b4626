// Has the sections redrawn that are out of date (listener.js), and shows the status in the title and icon of the tab.

const COLOURS = { alert: "#d1242f", warning: "#e69f00", unknown: "#8b949e", ok: "#009e73" };
const LATE = 15; // seconds without a pulse
const APART = 30; // milliseconds: of two sections that ask at the same moment, Streamlit redraws only one

function icon(level) {
  const shape = level === "warning" ? '<rect width="32" height="32" rx="4"' : '<circle cx="16" cy="16" r="16"';
  const ink = level === "warning" ? "#000" : "#fff";
  const letter = `<text x="16" y="24" font-family="sans-serif" font-size="23" font-weight="700" text-anchor="middle"`;
  const drawn = `${shape} fill="${COLOURS[level]}"/>${letter} fill="${ink}">${MARKS[level]}</text>`;
  return `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${drawn}</svg>`)}`;
}

function tell(level, title) {
  if (document.title !== title) document.title = title;
  const href = icon(level);
  const links = document.querySelectorAll("link[rel~=icon]");
  for (const link of links) if (link.href !== href) link.href = href;
}

// One after the other, however busy the browser is. Slow sections come last.
function drawOld(wanted, state) {
  clearTimeout(state.next);
  state.next = setTimeout(() => {
    const old = [...(window.sections?.values() ?? [])].filter(({ name, drawn }) => wanted[name] > drawn);
    if (!old.length) return;
    const { name, draw } = old.sort((one, other) => one.place - other.place)[0];
    draw(wanted[name]);
    drawOld({ ...wanted, [name]: 0 }, state);
  }, APART);
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  const state = (parentElement.pulse ??= {});
  clearTimeout(state.late);
  state.late = setTimeout(() => {
    const lost = "Not updated: the connection to the server is lost. Trying to reconnect.";
    root.replaceChildren(element("span", { role: "alert" }, lost));
  }, (data.every + LATE) * 1000);
  tell(data.level, data.title);
  root.replaceChildren(...withTimes(data.text));
  drawOld(data.wanted, state);
  return () => {
    clearTimeout(state.late);
    clearTimeout(state.next);
  };
}
