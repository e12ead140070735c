// The page: read the bundle, start the runtime, check it, show what it can do.

import { showCheck, showFacts } from "./about.js";
import { openBundle } from "./bundle.js";
import { BundleError } from "./bundle_error.js";
import { byId } from "./dom.js";
import { fitted, ranked } from "./features.js";
import { showFields } from "./fields_view.js";
import { measureLatency } from "./latency.js";
import { loadRuntime } from "./model.js";
import { showModel } from "./model_view.js";
import { showRanking } from "./ranking_view.js";
import { Recommender } from "./recommender.js";
import { selfCheck, unshowable } from "./selfcheck.js";
import { showText } from "./text_view.js";

// From here on the page itself says what is wrong.
globalThis.pageStarted = true;

const TITLES = { ranking: "Recommendations", text: "Text classifier", clicks: "Click predictor" };
const VIEWS = { ranking: showRanking, text: showText, clicks: showFields, "": showModel };

/** Say what is being done, and let the browser show it. */
async function step(what) {
  byId("step").textContent = what;
  await new Promise((resolve) => setTimeout(resolve));
}

function showTitle({ manifest }) {
  const title = TITLES[manifest.task] ?? "On-device model";
  byId("title").textContent = title;
  byId("subtitle").textContent = `${manifest.name} · runs in this browser, nothing you enter leaves it`;
  document.title = `${title} · ${manifest.name}`;
}

async function start() {
  const bundle = await openBundle();
  showTitle(bundle);
  await step("Starting LiteRT.js …");
  await loadRuntime();
  await step("Loading the model …");
  const recommender = await Recommender.load(bundle);
  const { manifest, vectors } = bundle;

  await step("Checking the answers …");
  showCheck(await selfCheck(bundle, (inputs) => recommender.answer(inputs)));
  const measure = async () =>
    showFacts(bundle, await measureLatency((number) => recommender.answer(vectors[number % vectors.length].inputs)));
  await measure();
  byId("again").addEventListener("click", measure);

  byId("view").hidden = byId("about").hidden = false;
  byId("progress").hidden = true;
  const answer = async (inputs) => {
    const outputs = await recommender.answer(inputs);
    const problem = unshowable(manifest, outputs);
    if (problem) throw new BundleError(`The model's answer can't be shown: ${problem}.`);
    return outputs;
  };
  // The tasks have one input, and all of their heads rank.
  const [feature] = manifest.inputs;
  const recommend = async (ids) => ranked(manifest.head, await answer({ [feature.name]: fitted(feature, ids) }));
  VIEWS[manifest.task](byId("view"), bundle, manifest.task ? recommend : answer);
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
