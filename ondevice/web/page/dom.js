// Making elements; texts are set as texts, so that no key of a bundle is ever read as markup.

/** Return the element of the page with this id. */
export const byId = (id) => document.getElementById(id);

/**
 * Make an element.
 *
 * @param {string} tag name of the element.
 * @param {Record<string, string | boolean>} attributes its attributes; true for one without a value.
 * @param {...(Node | string)} children what is in it.
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

/** Put a copy of a template where it belongs. */
export function fill(place, template) {
  place.replaceChildren(byId(template).content.cloneNode(true));
}

const beginning = (key) => key.match(/^\p{L}+/u)?.[0] ?? key;

/** Return what shows a key beside its title: nothing for an empty one. */
export const beside = (key) => (key ? [" ", element("small", { class: "quiet" }, key)] : []);

/** Give an element the color of an item, which keys with equal beginnings share. */
function colored(made, key) {
  let hash = 7;
  for (const letter of beginning(key)) hash = (hash * 31 + letter.codePointAt(0)) % 3600;
  made.style.setProperty("--hue", String(hash / 10));
  return made;
}

/** Return the tile of an item: the first letters of its key on its color. */
export function tile(key) {
  const letters = [...beginning(key)].slice(0, 2).join("");
  return colored(element("span", { class: "tile", "aria-hidden": "true" }, letters), key);
}

/** Return the dot of an item: its color alone, where there is little room. */
export function dot(key) {
  return colored(element("span", { class: "dot", "aria-hidden": "true" }), key);
}

/** Return a bar that shows a share, 0 to 1, of its width. */
export function bar(share) {
  const made = element("span", { class: "bar", "aria-hidden": "true" }, element("span"));
  made.firstChild.style.setProperty("--share", `${Math.max(0, Math.min(1, share)) * 100}%`);
  return made;
}

/** Replace what a list shows; who was on one of its buttons with the keyboard stays at that place. */
export function refill(list, children) {
  const buttons = () => [...list.querySelectorAll("button")];
  const place = buttons().indexOf(document.activeElement);
  list.replaceChildren(...children);
  if (place >= 0) (buttons()[place] ?? buttons().at(-1))?.focus({ preventScroll: true });
}
