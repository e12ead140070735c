// A text to ids: cut into words as the manifest says, looked up, cut to the last ones, filled with padding.

import { BundleError } from "./bundle_error.js";
import { PADDING_ID } from "./vocabulary.js";

/** What belongs to a word: ASCII letters and digits, the apostrophe, and everything from U+0080 on. */
const WORD = /[A-Za-z0-9'\u0080-\uffff]+/g;

/**
 * Return the words of a text.
 *
 * @param {string} text any text.
 * @param {boolean} lowercase whether ASCII capitals become small letters; no other letter changes.
 */
export function words(text, lowercase) {
  const lowered = lowercase ? text.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) : text;
  return lowered.match(WORD) ?? [];
}

/**
 * Return the last ids, filled with padding behind.
 *
 * @param {number[]} ids ids in order of time or text.
 * @param {number} length ids the model takes.
 */
export function fitted(ids, length) {
  const last = ids.slice(-length);
  return Int32Array.from({ length }, (_, place) => last[place] ?? PADDING_ID);
}

export class Tokenizer {
  /**
   * @param {{name: string, lowercase: boolean} | null} record the manifest's tokenizer.
   * @param {import("./vocabulary.js").Vocabulary} vocabulary the bundle's vocabulary.
   * @param {number} length ids the model takes.
   * @throws {BundleError} it is not one this page knows.
   */
  constructor(record, vocabulary, length) {
    if (record?.name !== "words") {
      throw new BundleError(`The bundle's tokenizer is "${record?.name ?? "none"}"; this page knows words.`);
    }
    this.record = record;
    this.vocabulary = vocabulary;
    this.length = length;
  }

  /** Return the words of a text, each with its id. */
  read(text) {
    return words(text, this.record.lowercase).map((word) => ({ word, id: this.vocabulary.id(word) }));
  }

  /** Return the ids that the model takes for a text. */
  encode(text) {
    return fitted(
      this.read(text).map(({ id }) => id),
      this.length,
    );
  }
}
