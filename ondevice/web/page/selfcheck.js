// The self-check: does this browser answer the bundle's test vectors as the reference model does?
// What counts as equal is the rule of the exporter's own validation.

import { answered, namesOf, ranked, ranks } from "./features.js";

/** A score step is this part of the range of the reference's numbers. */
export const STEPS_PER_RANGE = 255;

const isFloat = ({ dtype }) => dtype.startsWith("float");

/** Return why the outputs of one call can't be shown at all, empty if they can. */
export function unshowable(manifest, outputs) {
  const { head } = manifest;
  const odd = manifest.outputs.find((output) => isFloat(output) && !outputs[output.name].every(Number.isFinite));
  if (odd) return `not every number of ${odd.name} is finite`;
  if (!ranks(head)) return "";
  const end = head.kind === "probabilities" ? head.labels.length : answered(manifest)?.size || Infinity;
  const wrong = ranked(head, outputs).items.find((item) => item < head.never || item >= end);
  return wrong === undefined ? "" : `${wrong} is no id of an answer`;
}

/** Return what is wrong with one answer in itself, empty if nothing is. */
export function answerProblem(manifest, inputs, outputs) {
  const problem = unshowable(manifest, outputs);
  if (problem || !ranks(manifest.head)) return problem;
  const { items, scores } = ranked(manifest.head, outputs);
  if (scores.some((score, place) => place > 0 && score > scores[place - 1])) return "scores do not fall";
  if (new Set(items).size !== items.length) return "an item is returned twice";
  const given = new Set(inputs[manifest.head.exclude]);
  if (items.some((item) => given.has(item))) return `an id of ${manifest.head.exclude} is returned`;
  return "";
}

function inSteps(difference, range) {
  if (range > 0) return (difference * STEPS_PER_RANGE) / range;
  return difference === 0 ? 0 : Infinity;
}

/**
 * Return the largest score difference to the reference that one answer shows, in steps.
 *
 * An item that the reference does not list scores at most as much as the last it lists, and a listed item that is
 * missing from the answer scored at most as much as the last one answered, so both bound the difference from below.
 */
export function scoreError({ items, scores }, best, range) {
  const reference = new Map(best.items.map((item, place) => [item, best.scores[place]]));
  const last = best.scores.at(-1);
  const given = new Set(items);
  const errors = items.map((item, place) =>
    reference.has(item) ? Math.abs(scores[place] - reference.get(item)) : Math.max(scores[place] - last, 0),
  );
  for (const item of best.items.slice(0, items.length)) {
    if (!given.has(item)) errors.push(Math.max(reference.get(item) - scores.at(-1), 0));
  }
  return inSteps(Math.max(...errors), range);
}

/** Return the largest difference of an output's numbers to the reference's, in steps. */
export function valueError(numbers, reference, range) {
  const largest = numbers.reduce((worst, number, place) => Math.max(worst, Math.abs(number - reference[place])), 0);
  return inSteps(largest, range);
}

/** Tell whether at least half of the reference's whole numbers are found, wherever they stand: near ties swap. */
export function mostlyFound(numbers, reference) {
  const found = new Set(numbers);
  return 2 * reference.filter((number) => found.has(number)).length >= reference.length;
}

/** Return the largest difference of a whole answer in steps; infinite where whole numbers are others. */
export function answerError(manifest, vector, outputs) {
  const { head } = manifest;
  if (ranks(head)) return scoreError(ranked(head, outputs), ranked(head, vector.outputs), vector.ranges.scores);
  const errors = manifest.outputs.map((output) => {
    const [found, expected] = [outputs[output.name], vector.outputs[output.name]];
    if (isFloat(output)) return valueError(found, expected, vector.ranges[output.name]);
    return mostlyFound(found, expected) ? 0 : Infinity;
  });
  return Math.max(...errors);
}

/** Return what the names of one vector's answers have of other than the bundle's names, empty if nothing. */
function namesProblem(head, vector, names) {
  const { items = [] } = ranked(head, vector.outputs);
  const place = vector.keys.findIndex((key, index) => names?.[items[index]] !== key);
  return place < 0 ? "" : `answer ${items[place]} is named "${names?.[items[place]]}", expected is "${vector.keys[place]}"`;
}

/**
 * Answer every test vector and compare.
 *
 * @param {object} bundle the bundle.
 * @param {(inputs: Record<string, number[]>) => Promise<Record<string, number[]>>} answer the model.
 * @returns {Promise<{total: number, failures: string[], largestSteps: number}>} a sentence for every difference.
 */
export async function selfCheck(bundle, answer) {
  const { manifest, tokenizers, vectors, texts } = bundle;
  const failures = [];
  const names = namesOf(bundle);
  let largestSteps = 0;
  for (const vector of vectors) {
    let outputs;
    let problem = namesProblem(manifest.head, vector, names);
    try {
      outputs = await answer(vector.inputs);
      problem ||= answerProblem(manifest, vector.inputs, outputs);
    } catch (error) {
      problem = `no answer: ${error.message}`;
    }
    if (!problem) {
      const steps = answerError(manifest, vector, outputs);
      largestSteps = Math.max(largestSteps, steps);
      if (steps > manifest.score_tolerance_steps) {
        const what = ranks(manifest.head) ? "scores" : "numbers";
        problem = `${what} differ by ${Number(steps.toPrecision(3))} steps; ${manifest.score_tolerance_steps} are allowed`;
      }
    }
    if (problem) failures.push(`Test vector "${vector.name}": ${problem}.`);
  }
  for (const { feature, text, ids } of texts) {
    const place = tokenizers.get(feature).encode(text).findIndex((id, index) => id !== ids[index]);
    if (place >= 0) failures.push(`The text "${text.slice(0, 40)}" gives another id at place ${place + 1}.`);
  }
  return { total: vectors.length + texts.length, failures, largestSteps };
}
