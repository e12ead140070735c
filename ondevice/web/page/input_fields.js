// A field for each input of a model: keys to pick, a text, numbers to type, or boxes to check.

import { makeCombobox } from "./combobox.js";
import { dot, element, refill, tile } from "./dom.js";
import { fitted, lengthOf } from "./features.js";

const SUGGESTIONS = 8;
/** Numbers of a field that has others beside it where there is room. */
const NARROW = 3;

/** What a field holds is no input; the message says what is wanted. */
export class InputError extends Error {}

const counted = (number) => number.toLocaleString("en-US");
const asTyped = { autocomplete: "off", autocapitalize: "none", spellcheck: "false" };

/** Return as many numbers as an input takes. */
function completed(feature, numbers) {
  const length = lengthOf(feature);
  const tooMany = feature.padding === null && numbers.length > length;
  if (tooMany || (feature.padding === null && numbers.length < length)) {
    throw new InputError(`${counted(length)} needed, ${counted(numbers.length)} given`);
  }
  return fitted(feature, numbers);
}

/** Return numbers without the padding behind them. */
function trimmed({ padding }, numbers) {
  const last = padding === null ? numbers.length - 1 : numbers.findLastIndex((number) => number !== padding);
  return numbers.slice(0, last + 1);
}

/** Keys of the vocabulary, found by what is typed; each can be taken out again. */
function keyField(feature, place, { vocabularies }, changed) {
  const vocabulary = vocabularies.get(feature.name);
  const length = lengthOf(feature);
  let picked = [];
  const list = element("ul", { class: "suggestions", id: `list-${place}`, role: "listbox", "aria-label": feature.name, hidden: true });
  const search = element("input", {
    ...asTyped,
    id: `input-${place}`,
    type: "text",
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": list.id,
    "aria-describedby": `note-${place}`,
    placeholder: length === 1 ? "Search another one …" : "Search to add …",
  });
  const chips = element("ul", { class: "chips", "aria-label": feature.name });
  const named = (id) => (id >= feature.reserved && id < feature.size ? vocabulary.names[id] : `Id ${id}`);

  function show(ids) {
    picked = ids;
    const made = ids.map((id, index) => {
      const remove = element("button", { type: "button", "aria-label": `Remove ${named(id)}` }, "×");
      remove.addEventListener("click", () => {
        show(picked.toSpliced(index, 1));
        changed();
      });
      return element("li", {}, dot(named(id)), element("span", {}, named(id)), remove);
    });
    refill(chips, made);
  }

  const suggest = (query) =>
    vocabulary.search(query, SUGGESTIONS).map((id) => ({ id, content: [tile(named(id)), element("span", {}, named(id))] }));
  const choose = (id) => {
    show(length === 1 ? [id] : [...picked, id]);
    changed();
  };
  makeCombobox(search, list, suggest, choose, () => {});
  const nodes = [element("div", { class: "search" }, search, list), chips];
  const many = feature.padding === null ? `${counted(length)} in order` : `Up to ${counted(length)}; of more, the last ones count`;
  return { nodes, hint: length === 1 ? "" : many, write: (ids) => show(trimmed(feature, ids)), read: () => picked };
}

/** A text, cut into words as the manifest says. */
function textField(feature, place, { vocabularies, tokenizers }, changed) {
  const area = element("textarea", { ...asTyped, id: `input-${place}`, rows: "3", "aria-describedby": `note-${place}` });
  area.addEventListener("input", changed);
  const between = feature.tokenizer.name === "fields" ? "\n" : " ";
  const write = (ids) => {
    area.value = trimmed(feature, ids).map((id) => vocabularies.get(feature.name).keys[id]).join(between);
  };
  const read = () => tokenizers.get(feature.name).read(area.value).map(({ id }) => id);
  return { nodes: [area], hint: `Up to ${counted(lengthOf(feature))} words; of more, the last ones count`, write, read };
}

/** Numbers or ids as they are, with commas between. */
function numberField(feature, place, bundle, changed) {
  const { kind, dtype, size } = feature;
  const length = lengthOf(feature);
  const what = kind === "ids" ? "id" : dtype === "float32" ? "number" : "whole number";
  const input = element("input", { ...asTyped, id: `input-${place}`, type: "text", "aria-describedby": `note-${place}` });
  input.addEventListener("input", changed);
  const parsed = (text) => {
    const number = Number(text);
    const whole = dtype === "float32" || (Number.isInteger(number) && number === (number | 0));
    if (!Number.isFinite(number) || !whole) throw new InputError(`“${text}” is no ${what}`);
    if (size && (number < 0 || number >= size)) throw new InputError(`${text} is not one of 0 to ${counted(size - 1)}`);
    return number;
  };
  const count = length === 1 ? "One" : `${feature.padding === null ? "" : "Up to "}${counted(length)}`;
  const range = size ? ` from 0 to ${counted(size - 1)}` : "";
  return {
    nodes: [input],
    hint: length === 1 ? `${count} ${what}${range}` : `${count} ${what}s${range}, with commas between`,
    write: (numbers) => {
      input.value = trimmed(feature, numbers).map((number) => Number(number.toPrecision(7))).join(", ");
    },
    read: () => input.value.split(/[,\s]+/).filter(Boolean).map(parsed),
  };
}

/** Boxes to check. */
function boxField(feature, place, bundle, changed) {
  const boxes = Array.from({ length: lengthOf(feature) }, (_, index) =>
    element("input", { type: "checkbox", id: index ? `input-${place}-${index}` : `input-${place}` }),
  );
  for (const box of boxes) box.addEventListener("change", changed);
  const labelled = boxes.map((box, index) => element("label", {}, box, boxes.length === 1 ? "yes" : String(index + 1)));
  return {
    nodes: [element("div", { class: "boxes" }, ...labelled)],
    hint: "",
    write: (numbers) => boxes.forEach((box, index) => (box.checked = Boolean(numbers[index]))),
    read: () => boxes.map(({ checked }) => Number(checked)),
  };
}

function makerOf({ kind, tokenizer, vocabulary }) {
  if (kind === "bool") return boxField;
  if (tokenizer) return textField;
  return vocabulary ? keyField : numberField;
}

/**
 * Make the field of an input.
 *
 * @param {object} feature the manifest's record of the input.
 * @param {number} place where it comes.
 * @param {object} bundle the bundle.
 * @param {() => void} changed called whenever a person changes it.
 * @returns {{name: string, node: Element, write: (numbers: number[]) => void, read: () => number[] | undefined}} `read`
 *   gives as many numbers as the input takes, or undefined and says in the field what is wrong.
 */
export function inputField(feature, place, bundle, changed) {
  const { nodes, hint, write, read } = makerOf(feature)(feature, place, bundle, changed);
  const note = element("span", { class: "quiet", id: `note-${place}` }, hint);
  const label = element("label", { for: `input-${place}` }, feature.name);
  const wide = feature.vocabulary || lengthOf(feature) > NARROW;
  const node = element("div", { class: wide ? "field wide" : "field" }, label, ...nodes, note);

  function checked() {
    try {
      const numbers = completed(feature, read());
      note.textContent = hint;
      note.classList.remove("wrong");
      return numbers;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      note.textContent = error.message;
      note.classList.add("wrong");
      return undefined;
    }
  }

  return { name: feature.name, node, write, read: checked };
}
