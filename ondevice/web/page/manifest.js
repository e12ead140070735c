// The manifest as this page reads it: the fields it needs, each checked once.

import { BundleError } from "./bundle_error.js";

export const SCHEMA_VERSION = 3;

/** Tasks with a view of their own: the head of their models, and the tokenizer of what is typed in. */
const TASKS = {
  ranking: { head: "top_k" },
  text: { head: "probabilities", tokenizer: "words" },
  clicks: { head: "probabilities", tokenizer: "fields" },
};

const HEADS = ["top_k", "probabilities", "values"];
const KINDS = ["ids", "number", "bool"];
const TOKENIZERS = ["words", "fields"];

/** What this page reads of each record: fields with their type as the exporter names it, and a default if they may be absent. */
export const RECORDS = {
  Manifest: {
    schema_version: ["int"],
    name: ["str"],
    task: ["str"],
    signature: ["str"],
    inputs: ["tuple[Feature, ...]"],
    outputs: ["tuple[Tensor, ...]"],
    head: ["Head"],
    embeddings: ["tuple[Embedding, ...]"],
    recipe: ["str"],
    file_bytes: ["int"],
    score_tolerance_steps: ["float"],
    sha256: ["dict[str, str]"],
    appended_bytes: ["int", 0],
  },
  Feature: {
    name: ["str"],
    kind: ["str"],
    shape: ["tuple[int, ...]"],
    dtype: ["str"],
    size: ["int", 0],
    outside: ["int", 0],
    padding: ["int | None", null],
    reserved: ["int", 0],
    vocabulary: ["str", ""],
    titles: ["str", ""],
    tokenizer: ["Tokenizer | None", null],
  },
  Tokenizer: { name: ["str", "words"], lowercase: ["bool", true], fields: ["tuple[str, ...]", []] },
  Tensor: { name: ["str"], shape: ["tuple[int, ...]"], dtype: ["str"] },
  Head: { kind: ["str"], k: ["int", 0], exclude: ["str", ""], never: ["int", 0], labels: ["tuple[str, ...]", []] },
  Embedding: { method: ["str"] },
};

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

const CHECKS = {
  int: Number.isInteger,
  float: Number.isFinite,
  str: (value) => typeof value === "string",
  bool: (value) => typeof value === "boolean",
  "dict[str, str]": (value) => isObject(value) && Object.values(value).every(CHECKS.str),
};

/** Return a value of a type as the exporter names it, `where` it stands in the manifest. */
function typed(type, value, where) {
  const [, each] = type.match(/^tuple\[(\w+), \.\.\.\]$/) ?? [];
  if (each && Array.isArray(value)) return value.map((one, place) => typed(each, one, `${where}[${place}]`));
  if (type.endsWith(" | None")) return value === null ? null : typed(type.slice(0, -" | None".length), value, where);
  if (Object.hasOwn(RECORDS, type) && isObject(value)) return record(type, value, `${where}.`);
  if (CHECKS[type]?.(value)) return value;
  throw new BundleError(`manifest.json: ${where} is ${JSON.stringify(value).slice(0, 40)}, which is no ${type}.`);
}

function record(type, given, path) {
  const read = {};
  for (const [name, [field, fallback]] of Object.entries(RECORDS[type])) {
    const value = name in given ? given[name] : fallback;
    if (value === undefined) throw new BundleError(`manifest.json has no field ${path}${name}.`);
    read[name] = typed(field, value, `${path}${name}`);
  }
  return read;
}

/** Refuse what the page would not know how to show. */
function checkKnown({ task, inputs, head }) {
  const asked = [
    ["head", head.kind, HEADS],
    ...inputs.map(({ kind }) => ["kind of input", kind, KINDS]),
    ...inputs.flatMap(({ tokenizer }) => (tokenizer ? [["tokenizer", tokenizer.name, TOKENIZERS]] : [])),
    ["task", task, ["", ...Object.keys(TASKS)]],
  ];
  for (const [what, name, known] of asked) {
    if (known.includes(name)) continue;
    throw new BundleError(`The bundle has the ${what} "${name}"; this page knows ${known.filter(Boolean).join(", ")}.`);
  }
  if (!task) return;
  const [{ vocabulary = "", tokenizer = null } = {}] = inputs;
  const found = `the head ${head.kind}, ${inputs.length} inputs and the tokenizer ${tokenizer?.name ?? "none"}`;
  const fits = head.kind === TASKS[task].head && tokenizer?.name === TASKS[task].tokenizer;
  if (!fits || inputs.length !== 1 || !vocabulary) {
    const needed = `the head ${TASKS[task].head}, one input with a vocabulary and the tokenizer ${TASKS[task].tokenizer ?? "none"}`;
    throw new BundleError(`The bundle has ${found}; for the task ${task} this page needs ${needed}.`);
  }
}

/**
 * Read a manifest.
 *
 * @param {string} text the file.
 * @throws {BundleError} it is of another version, or a field is missing or of another type.
 */
export function readManifest(text) {
  let given;
  try {
    given = JSON.parse(text);
  } catch (error) {
    throw new BundleError(`manifest.json is not valid JSON: ${error.message}.`);
  }
  if (!isObject(given)) throw new BundleError("manifest.json holds no fields.");
  // Before anything else: a manifest of another version has other fields, and that is not what is wrong with it.
  const version = given.schema_version ?? SCHEMA_VERSION;
  if (version !== SCHEMA_VERSION) {
    const why = version > SCHEMA_VERSION ? "make the page anew with the ondevice that exported it" : "export the model again";
    throw new BundleError(`The bundle has schema version ${version}; this page reads version ${SCHEMA_VERSION}: ${why}.`);
  }
  const manifest = record("Manifest", given, "");
  checkKnown(manifest);
  return manifest;
}
