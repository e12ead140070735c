// The vocabulary: one key per line, the line number is the id; what ids are called; and the search for items.

import { BundleError } from "./bundle_error.js";

/** Return a text as it is searched: without case and accents. */
export function folded(text) {
  // Most keys have no accents, and there may be a million of them.
  const plain = /[^\u0000-\u007f]/.test(text) ? text.normalize("NFD").replace(/\p{M}/gu, "") : text;
  return plain.toLowerCase();
}

export class Vocabulary {
  /**
   * @param {string[]} keys the key of every id.
   * @param {number} reserved ids below this one are no keys that people pick.
   * @param {string[]} titles what each id is called, empty for its key.
   */
  constructor(keys, reserved, titles = []) {
    this.keys = keys;
    this.reserved = reserved;
    this.titles = titles;
    this.names = titles.length ? keys.map((key, id) => titles[id] || key) : keys;
    // Each is made when it is first needed.
    this.ids = undefined;
    this.searched = undefined;
  }

  /**
   * Read the vocabulary of an input.
   *
   * @throws {BundleError} its last line has no end, or it has another size than the input.
   */
  static parse(text, { vocabulary, titles, size, reserved }, called) {
    const lines = (name, content) => {
      const found = content.split("\n");
      const rest = found.pop();
      if (rest !== "") throw new BundleError(`${name} is cut off: its last line "${rest.slice(0, 40)}" has no end.`);
      const [has, promised] = [found.length, size].map((number) => number.toLocaleString("en-US"));
      if (has !== promised) throw new BundleError(`${name} has ${has} lines; the manifest promises ${promised} ids.`);
      return found;
    };
    return new Vocabulary(lines(vocabulary, text), reserved, titles ? lines(titles, called) : []);
  }

  /** Return the key of an id that is called something else, empty for all others. */
  keyBeside(id) {
    return this.titles[id] ? this.keys[id] : "";
  }

  /** Return how many keys there are to pick. */
  get items() {
    return this.keys.length - this.reserved;
  }

  /** Return the id of a key, undefined for what is not in the vocabulary or stands for something else. */
  id(key) {
    this.ids ??= new Map(this.keys.map((each, id) => [each, id]));
    const id = this.ids.get(key);
    return id < this.reserved ? undefined : id;
  }

  /**
   * Return ids of items whose title or key hold every word of a query, the best first: the key or title itself, those
   * that begin with the query, those with parts that begin with its words, then the rest; in id order among equals.
   *
   * @param {string} query what somebody typed.
   * @param {number} limit ids, at most.
   * @param {Set<number>} without ids that are left out.
   */
  search(query, limit, without = new Set()) {
    this.searched ??= this.names.map((name, id) => folded(this.titles[id] ? `${name} ${this.keys[id]}` : name));
    const whole = folded(query.trim());
    const words = whole.split(/\s+/).filter(Boolean);
    if (!words.length) return [];
    const found = [[], [], [], []];
    for (let id = this.reserved; id < this.searched.length; id += 1) {
      const key = this.searched[id];
      if (without.has(id) || !words.every((word) => key.includes(word))) continue;
      const named = this.titles[id] ? [this.titles[id], this.keys[id]].map(folded) : [key];
      const same = named.includes(whole);
      const rank = same ? 0 : key.startsWith(whole) ? 1 : words.every((word) => startsPart(key, word)) ? 2 : 3;
      if (found[rank].length < limit) found[rank].push(id);
    }
    return found.flat().slice(0, limit);
  }
}

/** Tell whether a part of a key, after anything that is no letter and no digit, begins with a word. */
function startsPart(key, word) {
  for (let at = key.indexOf(word); at >= 0; at = key.indexOf(word, at + 1)) {
    if (at === 0 || !/[\p{L}\p{N}]/u.test(key[at - 1])) return true;
  }
  return false;
}
