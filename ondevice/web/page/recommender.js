// The bundle's model as a function: ids in, the best answers with their scores out.

import { BundleError } from "./bundle_error.js";
import { TASKS } from "./manifest.js";
import { Model, SignatureError, saidOf } from "./model.js";
import { fitted } from "./tokenizer.js";

const shown = ({ dtype, shape }) => `${dtype}[${shape.join(", ")}]`;
const byName = (tensors) => new Map(tensors.map((tensor) => [tensor.name, tensor]));

/** Compare the tensors of the file with those the manifest promises: names, types and shapes. */
function checkTensors(kind, promised, found) {
  const names = (tensors) => [...byName(tensors).keys()].sort().join(", ") || "none";
  if (names(promised) !== names(found)) {
    throw new BundleError(
      `model.tflite has ${kind}s named ${names(found)}; the manifest promises ${names(promised)}.`,
    );
  }
  for (const tensor of promised) {
    const there = byName(found).get(tensor.name);
    if (shown(there) !== shown(tensor)) {
      throw new BundleError(
        `model.tflite has the ${kind} ${tensor.name} as ${shown(there)}; the manifest promises ${shown(tensor)}.`,
      );
    }
  }
}

export class Recommender {
  /**
   * Load the bundle's model.
   *
   * @throws {BundleError} the runtime refuses the file, or its signature is not the one the manifest promises.
   */
  static async load({ manifest, model }) {
    let loaded;
    try {
      loaded = await Model.load(model, manifest.signature);
    } catch (error) {
      if (error instanceof SignatureError) {
        throw new BundleError(`model.tflite can't be called as the manifest promises: ${error.message}.`);
      }
      throw new BundleError(`LiteRT.js refuses model.tflite: ${saidOf(error)}.`);
    }
    checkTensors("input", manifest.inputs, loaded.inputs);
    checkTensors("output", manifest.outputs, loaded.outputs);
    return new Recommender(loaded, manifest);
  }

  constructor(model, manifest) {
    this.model = model;
    this.length = manifest.history_length;
    this.input = manifest.inputs[0].name;
    this.answer = TASKS[manifest.task].answer;
  }

  /**
   * Return the best answers to ids, best first.
   *
   * @param {ArrayLike<number>} ids in order of time or text; the last ones count, shorter lists are filled with padding.
   * @returns {Promise<{items: number[], scores: number[]}>} ids of items, or indexes of labels, and their scores.
   */
  async recommend(ids) {
    const answered = await this.model.run({ [this.input]: fitted(Array.from(ids), this.length) });
    return { items: Array.from(answered[this.answer]), scores: Array.from(answered.scores) };
  }
}
