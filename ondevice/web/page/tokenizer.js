// What is typed in to ids: cut into words as the manifest says, looked up, cut to the last ones, filled with padding.

import { fitted } from "./features.js";

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

/** What does not count at the ends of a line of fields. */
const BLANKS = /^[ \t\r]+|[ \t\r]+$/g;

/**
 * Return one word for each field: the last line of a text that begins with its name and "=", or these alone.
 *
 * @param {string} text any text.
 * @param {string[]} fields names of the fields.
 */
export function lines(text, fields) {
  const found = new Map(fields.map((field) => [`${field}=`, `${field}=`]));
  for (const line of text.split("\n")) {
    const word = line.replace(BLANKS, "");
    const name = word.slice(0, word.indexOf("=") + 1);
    if (found.has(name)) found.set(name, word);
  }
  return [...found.values()];
}

/** What a word counts as that is not in the vocabulary. */
export const UNKNOWN_ID = 1;

/** The tokenizers this page knows: the words of a text by what the manifest says. */
const TOKENIZERS = {
  words: ({ lowercase }, text) => words(text, lowercase),
  fields: ({ fields }, text) => lines(text, fields),
};

export class Tokenizer {
  /**
   * @param {object} feature the manifest's record of the input that takes what is typed in.
   * @param {import("./vocabulary.js").Vocabulary} vocabulary its vocabulary.
   */
  constructor(feature, vocabulary) {
    this.feature = feature;
    this.vocabulary = vocabulary;
  }

  /** Return the words of a text, each with its id; without a tokenizer the text is one key. */
  read(text) {
    const { tokenizer, outside } = this.feature;
    const words = tokenizer ? TOKENIZERS[tokenizer.name](tokenizer, text) : [text];
    return words.map((word) => ({ word, id: this.vocabulary.id(word) ?? (tokenizer ? UNKNOWN_ID : outside) }));
  }

  /** Return the ids that the model takes for a text. */
  encode(text) {
    return fitted(
      this.feature,
      this.read(text).map(({ id }) => id),
    );
  }
}
