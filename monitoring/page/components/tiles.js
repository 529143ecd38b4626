const WIDTH = 100;
const HEIGHT = 24;

function svg(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function bars(points, wide) {
  const width = Math.max(wide * WIDTH * 0.75, 0.4);
  return points.map(([x, y]) => svg("rect", { x, y: HEIGHT - y, width, height: y }));
}

function line(points) {
  const listed = points.map(([x, y]) => `${x},${HEIGHT - y}`).join(" ");
  return [svg("polyline", { points: listed, fill: "none", "vector-effect": "non-scaling-stroke" })];
}

function course({ course: values, wide, kind }) {
  const heights = values.map(([, value]) => value);
  const lowest = kind === "bar" ? 0 : Math.min(...heights);
  const span = Math.max(...heights) - lowest || 1;
  const bottom = kind === "bar" ? 0 : 1;
  const points = values.map(([place, value]) => [place * WIDTH, bottom + ((value - lowest) / span) * (HEIGHT - 2)]);
  const box = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: kind, "aria-hidden": "true" };
  return svg("svg", box, ...(kind === "bar" ? bars(points, wide) : line(points)));
}

function tile(data, place) {
  const help = element("span", { className: "meaning", role: "tooltip", id: `meaning-${place}` }, data.help);
  const asked = element("button", { type: "button", ariaLabel: `What ${data.title} means` }, "?");
  asked.setAttribute("aria-describedby", help.id);
  return element(
    "li",
    {},
    element("p", { className: "title" }, data.title, " ", asked, help),
    element("p", { className: "value" }, data.value),
    element("p", { className: "below" }, ...withTimes(data.below)),
    ...(data.course.length > 1 ? [course(data)] : []),
  );
}

export default function ({ data, parentElement }) {
  const list = element("ul", { ariaLabel: "Figures" }, ...data.tiles.map(tile));
  replace(parentElement.querySelector(".root"), list);
}
