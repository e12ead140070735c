// A search field with suggestions, for keyboard and screen reader as for fingers.

import { element } from "./dom.js";

/**
 * Make a field suggest.
 *
 * @param {HTMLInputElement} field the field, with the role of a combobox.
 * @param {HTMLElement} list the list it controls.
 * @param {(query: string) => {id: number, content: Node[]}[]} suggest what is suggested for a query.
 * @param {(id: number) => void} choose called with what was chosen.
 * @param {(query: string, found: number) => void} told called whenever suggestions change.
 */
export function makeCombobox(field, list, suggest, choose, told) {
  let options = [];
  let active = -1;

  function mark(place) {
    active = place;
    options.forEach(({ node }, index) => node.setAttribute("aria-selected", String(index === place)));
    if (place < 0) {
      field.removeAttribute("aria-activedescendant");
    } else {
      field.setAttribute("aria-activedescendant", options[place].node.id);
      options[place].node.scrollIntoView({ block: "nearest" });
    }
  }

  function show() {
    options = suggest(field.value).map(({ id, content }, place) => {
      const node = element("li", { role: "option", id: `${list.id}-${place}`, "aria-selected": "false" }, ...content);
      // The field keeps the focus, and with it the keyboard of a phone.
      node.addEventListener("pointerdown", (event) => event.preventDefault());
      node.addEventListener("click", () => take(id));
      return { id, node };
    });
    list.replaceChildren(...options.map(({ node }) => node));
    list.hidden = !options.length;
    field.setAttribute("aria-expanded", String(!list.hidden));
    mark(-1);
    told(field.value, options.length);
  }

  function hide() {
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    mark(-1);
  }

  function take(id) {
    field.value = "";
    show();
    choose(id);
  }

  const keys = {
    ArrowDown: () => mark((active + 1) % options.length),
    ArrowUp: () => mark((active <= 0 ? options.length : active) - 1),
    Enter: () => take(options[Math.max(active, 0)].id),
    Escape: hide,
  };
  field.addEventListener("keydown", (event) => {
    if (!(event.key in keys) || list.hidden || event.isComposing) return;
    event.preventDefault();
    keys[event.key]();
  });
  field.addEventListener("input", show);
  field.addEventListener("focus", show);
  field.addEventListener("blur", hide);
}
