// The bundle: its files, read and checked against the manifest before anything of them is used.

import { BundleError } from "./bundle_error.js";
import { readManifest } from "./manifest.js";
import { Tokenizer } from "./tokenizer.js";
import { Vocabulary } from "./vocabulary.js";

export const BUNDLE_FOLDER = "bundle";

const MANIFEST = "manifest.json";
const MODEL = "model.tflite";
const VECTORS = "test_vectors.json";

const grouped = (number) => number.toLocaleString("en-US");

/** Fetch a file of the bundle from beside the page. */
export async function fetchFile(name) {
  let response;
  try {
    response = await fetch(`${BUNDLE_FOLDER}/${name}`, { cache: "no-cache" });
  } catch {
    throw new BundleError(`The bundle's file ${name} can't be fetched; is the server of this page still running?`);
  }
  if (response.status === 404) throw new BundleError(`The bundle's file ${name} is missing.`);
  if (!response.ok) throw new BundleError(`The bundle's file ${name} can't be fetched: status ${response.status}.`);
  return response.arrayBuffer();
}

async function sha256(content) {
  if (!globalThis.crypto?.subtle) {
    throw new BundleError(
      "This browser computes digests only on pages from https or from this machine (localhost); open the page so.",
    );
  }
  const found = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return [...found].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Fetch a file and compare it with the manifest's digest. */
async function checkedFile(read, manifest, name) {
  const digest = manifest.sha256[name];
  if (digest === undefined) throw new BundleError(`manifest.json has no SHA-256 of ${name}.`);
  const content = await read(name);
  if ((await sha256(content)) !== digest) {
    const promised = manifest.file_bytes + manifest.appended_bytes;
    if (name === MODEL && content.byteLength < promised) {
      const bytes = `${grouped(content.byteLength)} of ${grouped(promised)} bytes are there`;
      throw new BundleError(`The bundle's file ${name} is cut short: ${bytes}.`);
    }
    throw new BundleError(`The bundle's file ${name} was changed since export: its SHA-256 is not the manifest's.`);
  }
  return content;
}

function decoded(content, name) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    throw new BundleError(`The bundle's file ${name} is not text.`);
  }
}

/**
 * Read a bundle and check that its files are the ones its manifest describes.
 *
 * @param {(name: string) => Promise<ArrayBuffer>} read gives a file of the bundle.
 * @throws {BundleError} a file is missing, was changed or is not what the manifest promises.
 */
export async function openBundle(read = fetchFile) {
  const manifest = readManifest(decoded(await read(MANIFEST), MANIFEST));
  const named = manifest.inputs.filter(({ vocabulary }) => vocabulary);
  const names = [...named.map(({ vocabulary }) => vocabulary), ...named.map(({ titles }) => titles).filter(Boolean)];
  const [model, tests, ...found] = await Promise.all(
    [MODEL, VECTORS, ...names].map((name) => checkedFile(read, manifest, name)),
  );
  const words = new Map(names.map((name, place) => [name, decoded(found[place], name)]));
  const vocabularies = new Map(
    named.map((feature) => [
      feature.name,
      Vocabulary.parse(words.get(feature.vocabulary), feature, words.get(feature.titles)),
    ]),
  );
  const tokenizers = new Map(named.map((feature) => [feature.name, new Tokenizer(feature, vocabularies.get(feature.name))]));
  const { vectors, texts = [] } = JSON.parse(decoded(tests, VECTORS));
  return { manifest, model: new Uint8Array(model), vocabularies, tokenizers, vectors, texts };
}
