// Answers to what changes while the model is still busy: only the last one is shown.

import { byId } from "./dom.js";

/**
 * Return a function that asks the model and shows its answer with the time it took, unless it was called again meanwhile.
 *
 * @param {(inputs: object) => Promise<object>} recommend the model.
 * @param {(answer: object) => void} show shows an answer.
 */
export function latest(recommend, show) {
  let turn = 0;
  return async (inputs) => {
    turn += 1;
    const mine = turn;
    const start = performance.now();
    const answer = await recommend(inputs);
    const took = performance.now() - start;
    if (mine !== turn) return;
    show(answer);
    byId("took").textContent = `${took.toFixed(1)} ms`;
  };
}

/** Return a function that calls another one once a person has stopped typing. */
export function afterTyping(update, waitMs = 120) {
  let waiting = 0;
  return () => {
    clearTimeout(waiting);
    waiting = setTimeout(update, waitMs);
  };
}
