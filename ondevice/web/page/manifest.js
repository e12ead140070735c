// The manifest as this page reads it: the fields it needs, each checked once.

import { BundleError } from "./bundle_error.js";

export const SCHEMA_VERSION = 2;

/** Tasks this page knows: the signature's answer by name, and the tokenizer of what is typed in. */
export const TASKS = {
  ranking: { answer: "items" },
  text: { answer: "labels", tokenizer: "words" },
  clicks: { answer: "labels", tokenizer: "fields" },
};

/** Tell whether the model answers with labels, about what is typed in, and not with items. */
export const answersLabels = ({ task }) => TASKS[task].answer === "labels";

/** Type of every field that this page reads, as the exporter names it; one with a default may be absent. */
export const FIELDS = {
  schema_version: { type: "int" },
  name: { type: "str" },
  dataset_summary: { type: "str" },
  signature: { type: "str" },
  inputs: { type: "tuple[Tensor, ...]" },
  outputs: { type: "tuple[Tensor, ...]" },
  vocabulary_size: { type: "int" },
  history_length: { type: "int" },
  top_k: { type: "int" },
  excludes_history: { type: "bool" },
  recipe: { type: "str" },
  embedding: { type: "Embedding" },
  file_bytes: { type: "int" },
  score_tolerance_steps: { type: "float" },
  sha256: { type: "dict[str, str]" },
  appended_bytes: { type: "int", default: 0 },
  task: { type: "str", default: "ranking" },
  labels: { type: "tuple[str, ...]", default: [] },
  tokenizer: { type: "Tokenizer | None", default: null },
};

const isText = (value) => typeof value === "string";
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isTensor = (value) =>
  isObject(value) && isText(value.name) && isText(value.dtype) && isListOf(Number.isInteger)(value.shape);
const isListOf = (is) => (value) => Array.isArray(value) && value.every(is);

const CHECKS = {
  int: Number.isInteger,
  float: Number.isFinite,
  str: isText,
  bool: (value) => typeof value === "boolean",
  Embedding: (value) => isObject(value) && isText(value.method),
  "tuple[Tensor, ...]": isListOf(isTensor),
  "tuple[str, ...]": isListOf(isText),
  "dict[str, str]": (value) => isObject(value) && Object.values(value).every(isText),
  "Tokenizer | None": (value) =>
    value === null ||
    (isObject(value) &&
      isText(value.name) &&
      typeof value.lowercase === "boolean" &&
      (value.fields === undefined || isListOf(isText)(value.fields))),
};

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
    const why = version > SCHEMA_VERSION ? "make the page anew with the ondevice that exported it" : "export it anew";
    throw new BundleError(`The bundle has schema version ${version}; this page reads version ${SCHEMA_VERSION}: ${why}.`);
  }
  const manifest = {};
  for (const [name, field] of Object.entries(FIELDS)) {
    const value = name in given ? given[name] : field.default;
    if (value === undefined) throw new BundleError(`manifest.json has no field ${name}.`);
    if (!CHECKS[field.type](value)) {
      throw new BundleError(`manifest.json: ${name} is ${JSON.stringify(value).slice(0, 40)}, which is no ${field.type}.`);
    }
    manifest[name] = value;
  }
  if (!Object.hasOwn(TASKS, manifest.task)) {
    const known = Object.keys(TASKS).join(", ");
    throw new BundleError(`The bundle is for the task "${manifest.task}"; this page knows ${known}.`);
  }
  const { tokenizer } = TASKS[manifest.task];
  if (tokenizer !== undefined && manifest.tokenizer?.name !== tokenizer) {
    const name = manifest.tokenizer?.name ?? "none";
    throw new BundleError(`The bundle's tokenizer is "${name}"; for the task ${manifest.task} this page knows ${tokenizer}.`);
  }
  return manifest;
}
