// A .tflite file on LiteRT.js: loaded once, called by the name of its signature, tensors by their names.

import { Tensor, loadAndCompile, loadLiteRt } from "@litertjs/core";

export const RUNTIME_FOLDER = "./litert/wasm/";

const ARRAYS = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };

/** What the runtime's native code has complained of since somebody last asked. */
let complaints = [];

/** Take what the runtime's native code says: everything goes to the error stream there, mere remarks as well. */
function printErr(line) {
  if (!line.startsWith("ERROR: ")) {
    console.debug(line);
    return;
  }
  complaints.push(line.replace(/^ERROR: (\[[^\]]*\] )?|\.$/g, ""));
  console.warn(line);
}

/** Load the runtime; it chooses the build that fits this browser. */
export async function loadRuntime() {
  // The runtime's loader takes its settings from here.
  globalThis.Module = { printErr };
  await loadLiteRt(RUNTIME_FOLDER);
}

/** Return an error of the runtime in words: its own, and what its native code has complained of. */
export function saidOf(error) {
  const own = String(error?.message ?? error).replace(/\s+/g, " ").trim();
  const more = complaints.filter((line) => !own.includes(line));
  complaints = [];
  return more.length ? `${own} (${more.join("; ")})` : own;
}

/** Return the array type of a NumPy type name, or undefined where LiteRT.js has none for it. */
export function arrayType(dtype) {
  return ARRAYS[dtype];
}

function described(details) {
  return details.map(({ name, dtype, shape }) => ({ name, dtype, shape: [...shape] }));
}

/** A loaded file and one of its signatures. */
export class Model {
  /**
   * Load a file.
   *
   * @param {Uint8Array} bytes the file.
   * @param {string} signature name of the signature that will be called.
   * @param {{name: string, dtype: string}[]} tensors those that are known of it, so that one of a type that the runtime
   *   lacks can be named.
   */
  static async load(bytes, signature, tensors) {
    const odd = tensors.find(({ dtype }) => !arrayType(dtype));
    if (odd) {
      const known = Object.keys(ARRAYS).join(", ");
      throw new Error(`"${odd.name}" is ${odd.dtype}, and it takes tensors of ${known} only`);
    }
    const compiled = await loadAndCompile(bytes, { accelerator: "wasm" });
    const names = Object.keys(compiled.signatures);
    if (!names.includes(signature)) {
      compiled.delete();
      throw new SignatureError(`the file has no signature "${signature}"; it has: ${names.join(", ") || "none"}`);
    }
    return new Model(compiled, compiled.signatures[signature]);
  }

  constructor(compiled, signature) {
    this.compiled = compiled;
    this.signature = signature;
    this.inputs = described(signature.getInputDetails());
    this.outputs = described(signature.getOutputDetails());
  }

  /** Copy arrays, by input name, to where the runtime reads them. */
  feed(arrays) {
    const tensors = {};
    for (const { name, shape } of this.inputs) tensors[name] = new Tensor(arrays[name], shape);
    return tensors;
  }

  /**
   * Run the signature; who calls gives back the tensors of both sides with `release`.
   *
   * Where an inference fails the runtime only complains and returns outputs that hold anything: it is told here.
   */
  async invoke(tensors) {
    complaints = [];
    const answered = await this.signature.run(tensors);
    if (complaints.length) {
      release(answered);
      const said = complaints.join("; ");
      complaints = [];
      throw new Error(said);
    }
    return answered;
  }

  /** Run the signature on arrays by input name and return arrays by output name; nothing stays in the runtime. */
  async run(arrays) {
    const given = this.feed(arrays);
    let answered = {};
    try {
      answered = await this.invoke(given);
      return Object.fromEntries(Object.entries(answered).map(([name, tensor]) => [name, tensor.toTypedArray()]));
    } finally {
      release(given);
      release(answered);
    }
  }

  delete() {
    this.compiled.delete();
  }
}

/** Give back what tensors hold: the runtime's memory knows no garbage collection. */
export function release(tensors) {
  for (const tensor of Object.values(tensors)) tensor.delete();
}

/** The file is fine for the runtime but is not called as promised. */
export class SignatureError extends Error {}
