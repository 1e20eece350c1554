// How many images each label has, as bars that filter.

import { make } from "../dom.js";
import { hueOf } from "./hues.js";

const WIDE = "(min-width: 52rem)"; // elsewhere the bars would come before the images: they are folded
const MANY = 60; // of more labels only those are shown that an image has

/** `onFilter(index)` is called with the index of a label, or with null for all images. */
export function makeCounts(place, onFilter) {
  let buttons = [];
  let only = null;
  const list = make("ul", { class: "counts" });
  const details = make("details", { open: matchMedia(WIDE).matches },
    make("summary", {}, make("h2", {}, "Images of each label")), list);

  function choose(index) {
    only = only === index ? null : index;
    mark();
    onFilter(only);
  }

  function mark() {
    buttons.forEach(({ button, index }) => button.setAttribute("aria-pressed", String(index === only)));
  }

  function makeButton(name, index) {
    const count = make("span", { class: "number" });
    const button = make("button", { type: "button", class: "count-bar", onclick: () => choose(index) },
      make("span", { class: "dot", "aria-hidden": "true" }), make("span", { class: "name" }, name), count);
    if (index !== null) button.style.setProperty("--hue", hueOf(index));
    return { button, count, index };
  }

  return {
    /** Start over with these labels. */
    begin(labels) {
      only = null;
      buttons = [["All images", null], ...labels.map((label, index) => [label, index])].map(([name, index]) => makeButton(name, index));
      list.replaceChildren(...buttons.map(({ button }) => make("li", {}, button)));
      place.replaceChildren(details);
      mark();
    },

    update(counts, total) {
      for (const { button, count, index } of buttons) {
        const number = index === null ? total : counts[index];
        count.textContent = number.toLocaleString("en");
        button.parentElement.hidden = counts.length > MANY && number === 0;
        button.style.setProperty("--share", index === null ? 0 : number / Math.max(1, ...counts));
      }
    },

    clear: () => place.replaceChildren(),
  };
}
