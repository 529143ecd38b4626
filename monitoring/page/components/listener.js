// Registers its section, so that pulse.js can have it redrawn.

export default function ({ data, setTriggerValue }) {
  const sections = (window.sections ??= new Map());
  const section = { ...data, draw: (number) => setTriggerValue("old", number) };
  sections.set(data.name, section);
  return () => sections.get(data.name) === section && sections.delete(data.name);
}
