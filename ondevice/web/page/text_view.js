// The view of a text bundle: a text to type, and how probable the model finds each label.

import { labelRows, percent } from "./answer_rows.js";
import { byId, element, fill } from "./dom.js";
import { lengthOf } from "./features.js";
import { afterTyping, latest } from "./latest.js";
import { UNKNOWN_ID } from "./tokenizer.js";

const SAMPLES = 3;
const UNKNOWN_WORDS = 6;

/** Show the view; the first sample text is there from the start. */
export function showText(place, { manifest, tokenizers, texts }, recommend) {
  fill(place, "text");
  const { labels } = manifest.head;
  const [feature] = manifest.inputs;
  const tokenizer = tokenizers.get(feature.name);
  const field = byId("words");
  const answer = latest(recommend, (found) => {
    byId("answers").replaceChildren(...labelRows(labels, found));
    byId("answers-status").textContent = `Most probable: ${labels[found.items[0]]}, ${percent(found.scores[0])}.`;
  });

  function describe(read) {
    const length = lengthOf(feature);
    const count = read.length === 1 ? "1 word" : `${read.length} words`;
    byId("count").textContent = read.length > length ? `${count}, the last ${length} count` : count;
    const unknown = [...new Set(read.filter(({ id }) => id === UNKNOWN_ID).map(({ word }) => word))];
    const more = unknown.length > UNKNOWN_WORDS ? " …" : "";
    byId("unknown").textContent = unknown.length
      ? `Words the model does not know: ${unknown.slice(0, UNKNOWN_WORDS).join(", ")}${more}`
      : "";
  }

  function update() {
    const read = tokenizer.read(field.value);
    describe(read);
    return answer(read.map(({ id }) => id));
  }

  field.addEventListener("input", afterTyping(update));
  texts.slice(0, SAMPLES).forEach(({ text }, number) => {
    const button = element("button", { type: "button", class: "sample" }, `Sample text ${number + 1}`);
    button.addEventListener("click", () => {
      field.value = text;
      update();
    });
    byId("samples").append(button);
  });
  field.value = texts[0]?.text ?? "";
  update();
}
