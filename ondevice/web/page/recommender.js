// The bundle's model as a function: numbers by the names of its inputs in, numbers by the names of its outputs out.

import { BundleError } from "./bundle_error.js";
import { Model, SignatureError, arrayType, saidOf } from "./model.js";

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
      loaded = await Model.load(model, manifest.signature, [...manifest.inputs, ...manifest.outputs]);
    } catch (error) {
      if (error instanceof SignatureError) {
        throw new BundleError(`model.tflite can't be called as the manifest promises: ${error.message}.`);
      }
      throw new BundleError(`LiteRT.js refuses model.tflite: ${saidOf(error)}.`);
    }
    checkTensors("input", manifest.inputs, loaded.inputs);
    checkTensors("output", manifest.outputs, loaded.outputs);
    return new Recommender(loaded);
  }

  constructor(model) {
    this.model = model;
  }

  /**
   * Return the outputs for inputs, each a flat list of numbers by name.
   *
   * @param {Record<string, (number | boolean)[]>} inputs as many numbers as each input takes.
   * @returns {Promise<Record<string, number[]>>} as many numbers as each output has.
   */
  async answer(inputs) {
    const arrays = this.model.inputs.map(({ name, dtype }) => [name, arrayType(dtype).from(inputs[name])]);
    const outputs = await this.model.run(Object.fromEntries(arrays));
    return Object.fromEntries(Object.entries(outputs).map(([name, array]) => [name, Array.from(array)]));
  }
}
