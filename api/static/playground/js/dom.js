// Make elements without HTML strings, so that no input is ever parsed as markup.

export const byId = (id) => document.getElementById(id);

/** An element with properties (`class`, `data`, `on…` and attributes) and children. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Show a fault beside a field; an empty text clears it. */
export function tellFault(field, words = "") {
  const place = byId(`${field.id}-fault`);
  place.textContent = words;
  place.hidden = !words;
  if (words) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}
