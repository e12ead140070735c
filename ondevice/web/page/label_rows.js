// Labels with their probabilities, as every view shows them that answers with labels.

import { bar, element } from "./dom.js";

/** Return a probability as a person reads it: more exactly where it is nearly certain. */
export const percent = (score) => `${(score * 100).toFixed(score > 0.995 || score < 0.005 ? 1 : 0)} %`;

/**
 * Return a row for each label of an answer.
 *
 * @param {string[]} labels names of the labels by index.
 * @param {{items: number[], scores: number[]}} answer what the model said.
 */
export function labelRows(labels, { items, scores }) {
  return items.map((label, index) => {
    const name = element("span", { class: "name" }, labels[label]);
    const number = element("span", { class: "number" }, percent(scores[index]));
    return element("li", { "data-id": String(label) }, element("div", { class: "what" }, name, bar(scores[index])), number);
  });
}
