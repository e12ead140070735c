// The view of a model of one's own: a field for each input, and what the model answers.

import { outputRows } from "./answer_rows.js";
import { byId, element, fill } from "./dom.js";
import { inputField } from "./input_fields.js";
import { afterTyping, latest } from "./latest.js";

const SAMPLES = 4;

/** Show the view; the first test vector's inputs are there from the start. */
export function showModel(place, bundle, answer) {
  fill(place, "model");
  const { manifest, vectors } = bundle;
  const typed = afterTyping(update);
  const fields = manifest.inputs.map((feature, number) => inputField(feature, number, bundle, typed));
  byId("fields").append(...fields.map(({ node }) => node));
  const answered = latest(answer, (outputs) => {
    byId("answers").replaceChildren(...outputRows(bundle, outputs));
    byId("answers-status").textContent = "The model has answered.";
  });

  function update() {
    const inputs = fields.map((field) => [field.name, field.read()]);
    const whole = inputs.every(([, numbers]) => numbers !== undefined);
    byId("answers").hidden = byId("took").hidden = !whole;
    byId("incomplete").hidden = whole;
    return whole ? answered(Object.fromEntries(inputs)) : undefined;
  }

  function use({ inputs }) {
    for (const field of fields) field.write(inputs[field.name].map(Number));
    update();
  }

  const samples = vectors.filter(({ edge }) => !edge);
  samples.slice(0, SAMPLES).forEach((vector, number) => {
    const button = element("button", { type: "button", class: "sample" }, `Sample ${number + 1}`);
    button.addEventListener("click", () => use(vector));
    byId("samples").append(button);
  });
  use(samples[0] ?? vectors[0]);
}
