// The grid of the gallery: each image with its best label.

import { make } from "../dom.js";
import { makeLarge } from "../grid/large.js";
import { makeTile } from "../grid/tile.js";
import { VirtualGrid } from "../grid/virtual-grid.js";
import { makeAbout } from "./about.js";
import { hueOf } from "./hues.js";

const SHAPE = { least: 148, gap: 14, caption: 34 };

/** `resultsOf()` returns the results that count now. Returns the grid, and how to open an image. */
export function makeWall(section, thumbnails, resultsOf) {
  const grid = new VirtualGrid("Ranked images", SHAPE, tileOf);
  const open = makeLarge(section, grid, (image) => makeAbout(image, resultsOf()));

  function tileOf(image) {
    const [dot, label, number] = ["dot", "label", "number"].map((name) => make("span", { class: name }));
    const tile = makeTile(image, thumbnails, open);
    tile.button.append(make("span", { class: "caption" }, dot, label, number));
    tile.button.removeAttribute("aria-label"); // the caption is the name
    return { ...tile, update: () => describe(image, tile, label, number) };
  }

  function describe(image, { element, button }, label, number) {
    const results = resultsOf();
    const best = results.bestOf(image);
    const fault = results.faultOf(image);
    label.textContent = best ? results.labels[best.index] : image.name;
    number.textContent = best ? roughly(best.probability) : fault ? "failed" : "";
    button.title = fault ? `${image.path} ${fault}` : image.path;
    element.classList.toggle("faulty", Boolean(fault));
    element.classList.toggle("ranked", Boolean(best));
    if (best) element.style.setProperty("--hue", hueOf(best.index));
  }

  return { grid, open };
}

/** A probability where there is little room; 100 % only if it is exact. */
const roughly = (share) => (share > 0.995 && share < 1 ? "> 99 %" : `${Math.round(share * 100)} %`);
