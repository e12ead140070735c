// The view of a click bundle: a value for each field, and how probable the model finds a click.

import { labelRows, percent } from "./answer_rows.js";
import { byId, element, fill } from "./dom.js";
import { afterTyping, latest } from "./latest.js";
import { UNKNOWN_ID } from "./tokenizer.js";

const SAMPLES = 4;
/** Values of a field that are suggested: those that belong to the first ids. */
const SUGGESTIONS = 200;

/** Return the first values of every field that the vocabulary knows. */
function valuesOf({ keys, reserved }, fields) {
  const found = new Map(fields.map((field) => [field, []]));
  for (let id = reserved; id < keys.length; id += 1) {
    const end = keys[id].indexOf("=");
    const values = found.get(keys[id].slice(0, end));
    if (values !== undefined && values.length < SUGGESTIONS && end + 1 < keys[id].length) {
      values.push(keys[id].slice(end + 1));
    }
  }
  return found;
}

/** Show the view; the first sample's values are there from the start. */
export function showFields(place, { manifest, vocabularies, tokenizers, texts }, recommend) {
  fill(place, "clicks");
  const { labels } = manifest.head;
  const [{ name, tokenizer: { fields } }] = manifest.inputs;
  const tokenizer = tokenizers.get(name);
  const values = valuesOf(vocabularies.get(name), fields);
  const typed = afterTyping(update);
  const answer = latest(recommend, (found) => {
    byId("answers").replaceChildren(...labelRows(labels, found));
    byId("answers-status").textContent = `${labels[found.items[0]]}: ${percent(found.scores[0])}.`;
  });

  const inputs = fields.map((field, number) => {
    const list = element("datalist", { id: `values-${number}` }, ...values.get(field).map((value) => element("option", { value })));
    const input = element("input", {
      type: "text",
      id: `field-${number}`,
      list: list.id,
      autocomplete: "off",
      autocapitalize: "none",
      spellcheck: "false",
      "aria-describedby": `note-${number}`,
    });
    input.addEventListener("input", typed);
    const note = element("span", { class: "quiet", id: `note-${number}` });
    byId("fields").append(
      element("div", { class: "field" }, element("label", { for: input.id }, field), input, list, note),
    );
    return { input, note };
  });

  function update() {
    const read = tokenizer.read(fields.map((field, number) => `${field}=${inputs[number].input.value}`).join("\n"));
    read.forEach(({ id }, number) => {
      inputs[number].note.textContent = id === UNKNOWN_ID ? "The model does not know this value." : "";
    });
    return answer(read.map(({ id }) => id));
  }

  function use(text) {
    tokenizer.read(text).forEach(({ word }, number) => {
      inputs[number].input.value = word.slice(fields[number].length + 1);
    });
    update();
  }

  texts.slice(0, SAMPLES).forEach(({ text }, number) => {
    const button = element("button", { type: "button", class: "sample" }, `Sample line ${number + 1}`);
    button.addEventListener("click", () => use(text));
    byId("samples").append(button);
  });
  use(texts[0]?.text ?? "");
}
