// The grid of the images that are searched: the better one fits, the clearer it is.

import { make } from "../dom.js";
import { makeLarge } from "../grid/large.js";
import { Thumbnails } from "../grid/thumbnails.js";
import { makeTile } from "../grid/tile.js";
import { VirtualGrid } from "../grid/virtual-grid.js";

const SHAPE = { least: 132, gap: 12, columns: 3 };
const ONLY_SMALL = "Only this small copy is kept on this device. Drop the folder again to see the original.";

/** `onLike(image, sign)` is called with 1 for "more like this" and with −1 for "less". */
export function makeWall(section, place, onLike) {
  const thumbnails = new Thumbnails();
  const grid = new VirtualGrid("Images", SHAPE, tileOf);
  const open = makeLarge(section, grid, about);
  let strengthOf = new Map();
  place.append(grid.element);

  function tileOf(image) {
    const more = make("button", { type: "button", class: "more", "aria-label": `More like ${image.name}`, onclick: () => onLike(image, 1) },
      make("span", { "aria-hidden": "true" }, "≈"), make("span", { class: "words" }, " More like this"));
    const tile = makeTile(image, thumbnails, open, more, make("span", { class: "strength", "aria-hidden": "true" }));
    return { ...tile, update: () => judge(tile.element, strengthOf.get(image)) };
  }

  function judge(element, strength) {
    element.style.setProperty("--strength", strength ?? 1);
    element.classList.toggle("judged", strength !== undefined);
  }

  function about(image, close) {
    const act = (name, sign) => make("button", { type: "button", onclick: () => { close(); onLike(image, sign); } }, name);
    return [
      make("p", { class: "aside" }, image.path === image.name ? "" : image.path),
      make("p", { class: "aside" }, image.file ? "" : ONLY_SMALL),
      make("div", { class: "row" }, act("More like this", 1), act("Less like this", -1)),
    ];
  }

  return {
    /** Show images in this order; `strengths` maps an image to how well it fits, from 0 to 1. */
    show(images, strengths = new Map()) {
      strengthOf = strengths;
      grid.show(images, { hero: strengths.size > 0 });
    },
    focus: (image = grid.items[0]) => image && grid.focus(image),
    clear: () => thumbnails.forgetAll(),
  };
}
