// Run one file as the job says, measure it, and send back outputs and result: a result that is there is whole.

import { Model, arrayType, loadRuntime, release, saidOf } from "./model.js";

const NOT_MEASURED = -1;

/** Something that is not the file's fault: the page itself could not work. */
class PageError extends Error {}

async function fetched(name) {
  const response = await fetch(name).catch((error) => {
    throw new PageError(`${name}: ${error.message}`);
  });
  if (!response.ok) throw new PageError(`${name}: ${response.status}`);
  return response.arrayBuffer();
}

async function sent(name, content) {
  const response = await fetch(name, { method: "POST", body: content });
  if (!response.ok) throw new PageError(`${name}: ${response.status}`);
}

/** Return the SHA-256 of bytes in hexadecimal. */
async function digest(bytes) {
  const found = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...found].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const nanoseconds = (from, to) => Math.round((to - from) * 1e6);

/** Return the arrays of every inference by input name, each a list. */
async function readInputs(job, model) {
  const takes = model.inputs.map(({ name }) => name).sort();
  const gives = job.inputs.map(({ name }) => name).sort();
  if (takes.join() !== gives.join()) {
    throw new Error(`signature "${job.signature}" takes ${takes}, the job gives ${gives}`);
  }
  const arrays = {};
  for (const [number, { name, dtype, shape }] of job.inputs.entries()) {
    const wanted = model.inputs.find((input) => input.name === name);
    if (wanted.dtype !== dtype || wanted.shape.join() !== shape.join()) {
      const both = `${wanted.dtype} [${wanted.shape}], the job gives ${dtype} [${shape}]`;
      throw new Error(`input "${name}" is ${both}`);
    }
    const all = new (arrayType(dtype))(await fetched(`input-${number}.bin`));
    const size = shape.reduce((product, each) => product * each, 1);
    arrays[name] = Array.from({ length: job.inferences }, (_, index) => all.subarray(index * size, (index + 1) * size));
  }
  return arrays;
}

class Session {
  constructor(model, arrays) {
    this.model = model;
    this.arrays = arrays;
  }

  /** Run an inference; return its nanoseconds, without copying to and fro, and what `read` makes of the outputs. */
  async infer(number, read = () => undefined) {
    const one = Object.fromEntries(Object.entries(this.arrays).map(([name, all]) => [name, all[number]]));
    const given = this.model.feed(one);
    let answered = {};
    try {
      const start = performance.now();
      answered = await this.model.invoke(given);
      const end = performance.now();
      return [nanoseconds(start, end), read(answered)];
    } catch (error) {
      throw error instanceof WebAssembly.RuntimeError ? error : new Error(`inference ${number}: ${saidOf(error)}`);
    } finally {
      release(given);
      release(answered);
    }
  }

  /** Run each inference once and return the bytes of all answers, output by output. */
  async keep(count) {
    let kept;
    for (let number = 0; number < count; number += 1) {
      const read = (answered) => this.model.outputs.map(({ name }) => answered[name].toTypedArray());
      const [, values] = await this.infer(number, read);
      kept ??= values.map((value) => new Uint8Array(value.byteLength * count));
      for (const [index, value] of values.entries()) {
        if (value.byteLength * count !== kept[index].length) {
          throw new Error(`inference ${number}: an output changes its shape`);
        }
        kept[index].set(new Uint8Array(value.buffer, value.byteOffset, value.byteLength), number * value.byteLength);
      }
    }
    return kept;
  }
}

async function run(job) {
  const bytes = new Uint8Array(await fetched("model.tflite"));
  const start = performance.now();
  const model = await Model.load(bytes, job.signature, job.inputs);
  const loadNs = nanoseconds(start, performance.now());
  const session = new Session(model, await readInputs(job, model));
  const warmupNs = [];
  for (let count = 0; count < job.warmups; count += 1) warmupNs.push((await session.infer(0))[0]);
  const kept = await session.keep(job.inferences);
  const runNs = [];
  for (let count = 0; count < job.repeats; count += 1) runNs.push((await session.infer(count % job.inferences))[0]);
  const written = [];
  for (const [number, { dtype, shape }] of model.outputs.entries()) {
    await sent(`output-${number}.bin`, kept[number]);
    written.push({ dtype, shape, sha256: await digest(kept[number]) });
  }
  return {
    status: "ok",
    message: "",
    cpu_features: [],
    load_ns: loadNs,
    warmup_ns: warmupNs,
    run_ns: runNs,
    memory_growth_bytes: NOT_MEASURED,
    mapped_growth_bytes: NOT_MEASURED,
    inputs: model.inputs,
    outputs: model.outputs,
    written,
  };
}

/** Return what an error means: a page that fails, a runtime that died, one that ran out of memory, one that refuses. */
function failure(error) {
  const message = saidOf(error);
  if (error instanceof PageError) return { status: "device failed", message };
  if (/out of memory|\bOOM\b|enlarge memory|allocation failed/i.test(message)) return { status: "out of memory", message };
  return { status: error instanceof WebAssembly.RuntimeError ? "crashed" : "refused", message };
}

async function main() {
  let result;
  try {
    const job = JSON.parse(new TextDecoder().decode(await fetched("job.json")));
    await loadRuntime().catch((error) => {
      throw new PageError(`LiteRT.js does not start: ${saidOf(error)}`);
    });
    result = await run(job);
  } catch (error) {
    result = failure(error);
  }
  await sent("result.json", JSON.stringify(result));
}

main();
