// Has its section drawn again when that shows less than there is. Not all of them ask in the same moment.

const APART = 20; // milliseconds

export default function ({ data, parentElement, setTriggerValue }) {
  const state = (parentElement.listener ??= {});
  const hear = ({ detail }) => {
    if (detail[data.name] > data.drawn) setTimeout(() => setTriggerValue("old", detail[data.name]), APART * data.place);
  };
  removeEventListener("wanted", state.hear);
  addEventListener("wanted", hear);
  state.hear = hear;
  return () => removeEventListener("wanted", hear);
}
