// The view of a ranking bundle: a history to put together, and what the model recommends for it.

import { itemRows } from "./answer_rows.js";
import { makeCombobox } from "./combobox.js";
import { beside, byId, dot, element, fill, refill, tile } from "./dom.js";
import { lengthOf } from "./features.js";
import { latest } from "./latest.js";

const SUGGESTIONS = 8;
const SAMPLES = 4;
const SAMPLE_ITEMS = 8;

/** Show the view; the first sample user's history is there from the start. */
export function showRanking(place, { manifest, vocabularies, vectors }, recommend) {
  fill(place, "ranking");
  const [feature] = manifest.inputs;
  const vocabulary = vocabularies.get(feature.name);
  const history = new Set();
  const samples = vectors.filter(({ edge }) => !edge).slice(0, SAMPLES);
  const recommended = latest(recommend, ({ items, scores }) => {
    const rows = itemRows(vocabulary.names, { items, scores }, undefined, (id) => vocabulary.keyBeside(id));
    items.forEach((id, index) => offer(rows[index], id));
    refill(byId("answers"), rows);
    byId("answers-title").textContent = history.size ? "Recommended" : "Without a history";
    byId("answers-status").textContent = `${items.length} recommendations, the first is ${vocabulary.names[items[0]]}.`;
  });

  function chip(id) {
    const key = vocabulary.names[id];
    const remove = element("button", { type: "button", "aria-label": `Remove ${key}` }, "×");
    remove.addEventListener("click", () => {
      history.delete(id);
      update();
    });
    return element("li", {}, dot(key), element("span", {}, key), remove);
  }

  function offer(row, id) {
    // An item of a history that is longer than the model looks back may be recommended again.
    if (history.has(id)) return;
    const label = `Add ${vocabulary.names[id]} to the history`;
    const add = element("button", { type: "button", class: "add", "aria-label": label }, "+");
    add.addEventListener("click", () => {
      history.add(id);
      update();
    });
    row.append(add);
  }

  function update() {
    byId("clear").hidden = history.size === 0;
    const length = lengthOf(feature);
    const seen = history.size > length ? `, the last ${length} count` : "";
    byId("size").textContent = history.size ? `${history.size}${seen}` : "";
    // The latest first, where it is seen even if there is room for few.
    refill(byId("chips"), [...history].reverse().map(chip));
    return recommended([...history]);
  }

  function use(ids) {
    history.clear();
    for (const id of ids) history.add(id);
    update();
  }

  function suggest(query) {
    return vocabulary.search(query, SUGGESTIONS, history).map((id) => {
      const [name, key] = [vocabulary.names[id], vocabulary.keyBeside(id)];
      return { id, content: [tile(name), element("span", {}, name, ...beside(key))] };
    });
  }

  function told(query, found) {
    byId("nothing").hidden = found > 0 || !query.trim();
    byId("nothing").textContent = found || !query.trim() ? "" : `No item is called anything like “${query.trim()}”.`;
  }

  makeCombobox(
    byId("query"),
    byId("suggestions"),
    suggest,
    (id) => {
      history.add(id);
      update();
    },
    told,
  );
  byId("clear").addEventListener("click", () => {
    use([]);
    byId("query").focus();
  });
  const items = (ids) => ids.filter((id) => id >= feature.reserved && id < feature.size);
  samples.forEach((vector, number) => {
    const button = element("button", { type: "button", class: "sample" }, `Sample user ${number + 1}`);
    button.addEventListener("click", () => use(items(vector.inputs[feature.name]).slice(0, SAMPLE_ITEMS)));
    byId("samples").append(button);
  });
  use(samples.length ? items(samples[0].inputs[feature.name]).slice(0, SAMPLE_ITEMS) : []);
}
