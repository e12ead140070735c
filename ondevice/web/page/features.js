// The inputs of a model, and what its answers are about.

/** What the first output of a head that ranks is called; the second one is `scores`. */
const ANSWERS = { top_k: "items", probabilities: "labels" };

/** Return how many numbers an input takes. */
export const lengthOf = ({ shape }) => shape.reduce((product, each) => product * each, 1);

/** Return the last numbers as many as an input takes, filled with its padding behind. */
export function fitted(feature, numbers) {
  const length = lengthOf(feature);
  const last = numbers.slice(-length);
  return Array.from({ length }, (_, place) => last[place] ?? feature.padding ?? 0);
}

/** Tell whether the model answers with ids or labels, best first. */
export const ranks = ({ kind }) => kind in ANSWERS;

/** Return ids or labels, best first, with their scores, of the outputs of a model that ranks. */
export const ranked = ({ kind }, outputs) => ({ items: outputs[ANSWERS[kind]], scores: outputs.scores });

/** Return the input whose ids a model answers with, undefined where nobody says so. */
export const answered = ({ task, head, inputs }) =>
  inputs.find(({ name }) => head.kind === "top_k" && (head.exclude ? name === head.exclude : task !== ""));

/** Return what the answers are called, by id or index; undefined where they have no names. */
export const namesOf = ({ manifest, vocabularies }) =>
  manifest.head.kind === "probabilities" ? manifest.head.labels : vocabularies.get(answered(manifest)?.name)?.keys;
