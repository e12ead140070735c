// What is said of the model and of this browser: the self-check, the size, the time of an answer.

import { byId, element } from "./dom.js";

const COARSE_MS = 0.05;
const KEYS = { ranking: "Items", text: "Words", clicks: "Values", "": "Inputs" };

const megabytes = (bytes) => (bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${(bytes / 1e6).toPrecision(3)} MB`);
const counted = (number) => number.toLocaleString("en-US");
const milliseconds = (time) => `${time < 10 ? time.toFixed(2) : time.toFixed(1)} ms`;

/** Say whether this browser answers as the reference does; the first difference where it does not. */
export function showCheck({ total, failures, largestSteps }) {
  const passed = failures.length === 0;
  const check = byId("check");
  check.className = `check ${passed ? "passed" : "failed"}`;
  check.dataset.verdict = passed ? "passed" : "failed";
  const title = passed ? "Self-check passed" : "Self-check failed";
  const steps = largestSteps < 0.01 ? "no difference" : `largest difference ${largestSteps.toPrecision(2)} of 255 steps`;
  const said = passed
    ? `All ${total} test answers are those of the reference model (${steps}).`
    : `${failures.length} of ${total} test answers differ. ${failures[0]}`;
  const mark = element("span", { class: "mark", "aria-hidden": "true" }, passed ? "✓" : "!");
  check.replaceChildren(mark, element("div", {}, element("strong", {}, title), element("p", {}, said)));
}

/** Say the most important at the top of the page. */
function showBadge(p50) {
  const passed = byId("check").dataset.verdict === "passed";
  const badge = byId("badge");
  badge.className = `badge ${passed ? "passed" : "failed"}`;
  badge.textContent = `${passed ? "✓ Self-check passed" : "! Self-check failed"} · ${milliseconds(p50)}`;
  badge.hidden = false;
}

function fact(name, value, remark) {
  const shown = element("dd", {}, element("span", { class: "value" }, value));
  if (remark) shown.append(element("span", { class: "quiet" }, remark));
  return element("div", {}, element("dt", {}, name), shown);
}

/** Show the facts; the latency is measured by then. */
export function showFacts({ manifest, vocabularies, model }, latency) {
  const { p50, p95, calls, step } = latency;
  const coarse = step >= COARSE_MS ? `, the clock has steps of ${step.toFixed(1)} ms` : "";
  const { task, inputs, embeddings, recipe } = manifest;
  const known = task ? vocabularies.get(inputs[0].name).items : inputs.length;
  const made = [...new Set(embeddings.map(({ method }) => method)), recipe].join(", ");
  showBadge(p50);
  byId("facts").replaceChildren(
    fact("Answer, p50", milliseconds(p50), `half of ${calls} took less${coarse}`),
    fact("Answer, p95", milliseconds(p95), "19 of 20 took less"),
    fact("Model", megabytes(model.byteLength), "the whole file"),
    fact(KEYS[task], counted(known), made),
  );
}
