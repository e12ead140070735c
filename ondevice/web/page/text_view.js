// The view of a text bundle: a text to type, and how probable the model finds each label.

import { byId, element, fill } from "./dom.js";
import { labelRows, percent } from "./label_rows.js";
import { UNKNOWN_ID } from "./vocabulary.js";

const WAIT_MS = 120;
const SAMPLES = 3;
const UNKNOWN_WORDS = 6;

/** Show the view; the first sample text is there from the start. */
export function showText(place, { manifest, texts }, recommend, tokenizer) {
  fill(place, "text");
  const field = byId("words");
  let turn = 0;
  let waiting = 0;

  function describe(read) {
    const { length } = tokenizer;
    const count = read.length === 1 ? "1 word" : `${read.length} words`;
    byId("count").textContent = read.length > length ? `${count}, the last ${length} count` : count;
    const unknown = [...new Set(read.filter(({ id }) => id === UNKNOWN_ID).map(({ word }) => word))];
    const more = unknown.length > UNKNOWN_WORDS ? " …" : "";
    byId("unknown").textContent = unknown.length
      ? `Words the model does not know: ${unknown.slice(0, UNKNOWN_WORDS).join(", ")}${more}`
      : "";
  }

  async function update() {
    turn += 1;
    const mine = turn;
    const read = tokenizer.read(field.value);
    describe(read);
    const start = performance.now();
    const answer = await recommend(read.map(({ id }) => id));
    const took = performance.now() - start;
    // Another change may have come meanwhile; the last one counts.
    if (mine !== turn) return;
    byId("answers").replaceChildren(...labelRows(manifest.labels, answer));
    byId("took").textContent = `${took.toFixed(1)} ms`;
    byId("answers-status").textContent = `Most probable: ${manifest.labels[answer.items[0]]}, ${percent(answer.scores[0])}.`;
  }

  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(update, WAIT_MS);
  });
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
