// Answers as every view shows them: ids and labels, best first, and plain numbers.

import { bar, beside, element, tile } from "./dom.js";
import { namesOf, ranked } from "./features.js";

const SHOWN_NUMBERS = 64;

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

/**
 * Return a row for each id of an answer, its bar as long as its score is above the last one's.
 *
 * @param {string[] | undefined} names what ids are called, if anything.
 * @param {{items: number[], scores: number[]}} answer what the model said.
 * @param {(score: number) => string} written how a score is written.
 * @param {(id: number) => string} key the key of an id that is called something else, empty for others.
 */
export function itemRows(names, { items, scores }, written = (score) => score.toFixed(2), key = () => "") {
  const [best, last] = [scores[0], scores.at(-1)];
  return items.map((id, index) => {
    const share = best > last ? 0.12 + (0.88 * (scores[index] - last)) / (best - last) : 1;
    const label = element("span", { class: "name" }, names?.[id] ?? `Id ${id}`, ...beside(key(id)));
    const number = element("span", { class: "number quiet" }, written(scores[index]));
    const what = [element("div", { class: "what" }, label, bar(share)), number];
    return element("li", { "data-id": String(id) }, ...(names ? [tile(names[id])] : []), ...what);
  });
}

const shown = (number) => number.toLocaleString("en-US", { maximumSignificantDigits: 6 });

/** Return a row for an output: its name and its numbers. */
function valueRow({ name }, numbers) {
  const what = element("div", { class: "what" }, element("span", { class: "name" }, name));
  const texts = numbers.slice(0, SHOWN_NUMBERS).map(shown);
  if (texts.length === 1) return element("li", {}, what, element("span", { class: "number value" }, texts[0]));
  const more = numbers.length > texts.length ? [`and ${(numbers.length - texts.length).toLocaleString("en-US")} more`] : [];
  what.append(element("ol", { class: "numbers" }, ...[...texts, ...more].map((text) => element("li", {}, text))));
  return element("li", {}, what);
}

/** Return the rows of any answer. */
export function outputRows(bundle, outputs) {
  const { head, outputs: tensors } = bundle.manifest;
  if (head.kind === "probabilities") return labelRows(head.labels, ranked(head, outputs));
  if (head.kind === "top_k") return itemRows(namesOf(bundle), ranked(head, outputs), shown);
  return tensors.map((tensor) => valueRow(tensor, outputs[tensor.name]));
}
