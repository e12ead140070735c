// The page: read the bundle, start the runtime, check it, show what it can do.

import { showCheck, showFacts } from "./about.js";
import { openBundle } from "./bundle.js";
import { BundleError } from "./bundle_error.js";
import { byId } from "./dom.js";
import { showFields } from "./fields_view.js";
import { measureLatency } from "./latency.js";
import { answersLabels } from "./manifest.js";
import { loadRuntime } from "./model.js";
import { showRanking } from "./ranking_view.js";
import { Recommender } from "./recommender.js";
import { selfCheck, unshowable } from "./selfcheck.js";
import { showText } from "./text_view.js";
import { Tokenizer } from "./tokenizer.js";

// From here on the page itself says what is wrong.
globalThis.pageStarted = true;

const TITLES = { ranking: "Recommendations", text: "Text classifier", clicks: "Click predictor" };
const VIEWS = { ranking: showRanking, text: showText, clicks: showFields };

/** Say what is being done, and let the browser show it. */
async function step(what) {
  byId("step").textContent = what;
  await new Promise((resolve) => setTimeout(resolve));
}

function showTitle({ manifest }) {
  byId("title").textContent = TITLES[manifest.task];
  byId("subtitle").textContent = `${manifest.name} · runs in this browser, nothing you enter leaves it`;
  document.title = `${TITLES[manifest.task]} · ${manifest.name}`;
}

async function start() {
  const bundle = await openBundle();
  showTitle(bundle);
  await step("Starting LiteRT.js …");
  await loadRuntime();
  await step("Loading the model …");
  const recommender = await Recommender.load(bundle);
  const recommend = (ids) => recommender.recommend(ids);
  const { manifest, vocabulary, vectors } = bundle;
  const tokenizer = answersLabels(manifest) ? new Tokenizer(manifest.tokenizer, vocabulary, manifest.history_length) : null;

  await step("Checking the answers …");
  showCheck(await selfCheck(bundle, recommend, tokenizer));
  const measure = async () =>
    showFacts(bundle, await measureLatency((number) => recommend(vectors[number % vectors.length].ids)));
  await measure();
  byId("again").addEventListener("click", measure);

  byId("view").hidden = byId("about").hidden = false;
  byId("progress").hidden = true;
  const shown = async (ids) => {
    const answer = await recommend(ids);
    const problem = unshowable(manifest, answer);
    if (problem) throw new BundleError(`The model's answer can't be shown: ${problem}.`);
    return answer;
  };
  VIEWS[manifest.task](byId("view"), bundle, shown, tokenizer);
}

function showProblem(error) {
  // What the self-check found stays to be seen, if it came so far.
  byId("progress").hidden = byId("view").hidden = true;
  byId("problem").hidden = false;
  const known = error instanceof BundleError;
  byId("problem-title").textContent = known ? "This bundle can’t be used" : "This page can’t run here";
  byId("advice").hidden = !known;
  byId("reason").textContent = known ? error.message : `The page does not work in this browser: ${error?.message ?? error}.`;
}

// What nobody foresaw stays in the browser's console as well, for whoever looks for it.
addEventListener("unhandledrejection", ({ reason }) => showProblem(reason));
start().catch((error) => {
  showProblem(error);
  if (!(error instanceof BundleError)) throw error;
});
