// The self-check: does this browser answer the bundle's test vectors as the reference model does?
// What counts as equal is the rule of the exporter's own validation.

import { answersLabels } from "./manifest.js";
import { RESERVED_IDS } from "./vocabulary.js";

/** A score step is this part of the range of the reference's scores. */
export const STEPS_PER_RANGE = 255;

/** Return why one answer can't be shown at all, empty if it can. */
export function unshowable(manifest, { items, scores }) {
  const [first, end] =
    answersLabels(manifest) ? [0, manifest.labels.length] : [RESERVED_IDS, manifest.vocabulary_size];
  if (!scores.every(Number.isFinite)) return "scores are not finite";
  const wrong = items.find((item) => item < first || item >= end);
  return wrong === undefined ? "" : `${wrong} is no id of an answer`;
}

/** Return what is wrong with one answer in itself, empty if nothing is. */
export function answerProblem(manifest, ids, { items, scores }) {
  const problem = unshowable(manifest, { items, scores });
  if (problem) return problem;
  if (scores.some((score, place) => place > 0 && score > scores[place - 1])) return "scores do not fall";
  if (new Set(items).size !== items.length) return "an item is returned twice";
  const given = new Set(ids);
  if (manifest.excludes_history && manifest.task === "ranking" && items.some((item) => given.has(item))) {
    return "an item of the history is returned";
  }
  return "";
}

/**
 * Return the largest score difference to the reference that one answer shows, in steps.
 *
 * An item that the reference does not list scores at most as much as the last it lists, and a listed item that is
 * missing from the answer scored at most as much as the last one answered, so both bound the difference from below.
 */
export function scoreError({ items, scores }, vector) {
  const reference = new Map(vector.items.map((item, place) => [item, vector.scores[place]]));
  const last = vector.scores.at(-1);
  const answered = new Set(items);
  const errors = items.map((item, place) =>
    reference.has(item) ? Math.abs(scores[place] - reference.get(item)) : Math.max(scores[place] - last, 0),
  );
  for (const item of vector.items.slice(0, items.length)) {
    if (!answered.has(item)) errors.push(Math.max(reference.get(item) - scores.at(-1), 0));
  }
  const largest = Math.max(...errors);
  const step = vector.score_range / STEPS_PER_RANGE;
  if (step > 0) return largest / step;
  return largest === 0 ? 0 : Infinity;
}

/** Return what the names of one vector's answers have of other than the bundle's names, empty if nothing. */
function namesProblem(vector, names) {
  const place = vector.keys.findIndex((key, index) => names[vector.items[index]] !== key);
  if (place < 0) return "";
  const item = vector.items[place];
  return `answer ${item} is named "${names[item]}", expected is "${vector.keys[place]}"`;
}

/**
 * Answer every test vector and compare.
 *
 * @param {object} bundle the bundle.
 * @param {(ids: number[]) => Promise<{items: number[], scores: number[]}>} recommend the model.
 * @param {import("./tokenizer.js").Tokenizer | null} tokenizer of a bundle whose inputs are typed in.
 * @returns {Promise<{total: number, failures: string[], largestSteps: number}>} a sentence for every difference.
 */
export async function selfCheck({ manifest, vocabulary, vectors, texts }, recommend, tokenizer) {
  const failures = [];
  const names = answersLabels(manifest) ? manifest.labels : vocabulary.keys;
  let largestSteps = 0;
  for (const vector of vectors) {
    let answer;
    let problem = namesProblem(vector, names);
    try {
      answer = await recommend(vector.ids);
      problem ||= answerProblem(manifest, vector.ids, answer);
    } catch (error) {
      problem = `no answer: ${error.message}`;
    }
    if (!problem) {
      const steps = scoreError(answer, vector);
      largestSteps = Math.max(largestSteps, steps);
      if (steps > manifest.score_tolerance_steps) {
        problem = `scores differ by ${Number(steps.toPrecision(3))} steps; ${manifest.score_tolerance_steps} are allowed`;
      }
    }
    if (problem) failures.push(`Test vector "${vector.name}": ${problem}.`);
  }
  for (const { text, ids } of texts) {
    const place = tokenizer.encode(text).findIndex((id, index) => id !== ids[index]);
    if (place >= 0) failures.push(`The text "${text.slice(0, 40)}" gives another id at place ${place + 1}.`);
  }
  return { total: vectors.length + texts.length, failures, largestSteps };
}
