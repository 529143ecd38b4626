// What all components share. Texts are untrusted: they become text nodes and titles, never markup.
// Times come in UTC. They are shown in the user's time zone, with UTC on hover.

const UTC = /(\d{4}-\d\d-\d\d) (\d\d:\d\d(?::\d\d)?) UTC/g;
const STATES = { alert: "Alert", warning: "Warning", unknown: "Unknown", ok: "OK" };
const MARKS = { alert: "✕", warning: "!", unknown: "?", ok: "✓" };

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// Replaces the children of a root. The element with the focus keeps it, if there is still one in its place.
function replace(root, ...children) {
  const focusable = () => [...root.querySelectorAll("a, button, [tabindex]")];
  const place = focusable().indexOf(root.getRootNode().activeElement);
  root.replaceChildren(...children);
  focusable()[place]?.focus({ preventScroll: true });
}

function time(written, day, hour) {
  const at = new Date(`${day}T${hour}Z`);
  if (Number.isNaN(at.getTime())) return written; // an untrusted text that only looks like a time
  const today = at.toDateString() === new Date().toDateString();
  const form = { timeStyle: hour.length > 5 ? "medium" : "short", ...(today ? {} : { dateStyle: "medium" }) };
  return element("time", { dateTime: at.toISOString(), title: written }, at.toLocaleString(undefined, form));
}

function withTimes(text) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(UTC)) {
    parts.push(text.slice(end, found.index), time(...found));
    end = found.index + found[0].length;
  }
  return [...parts, text.slice(end)];
}

function mark(level) {
  return element("span", { className: "mark", ariaHidden: "true" }, MARKS[level]);
}
