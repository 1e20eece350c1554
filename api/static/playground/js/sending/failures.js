// The images that failed, with the reason of each.

import { make } from "../dom.js";
import { counted } from "../numbers.js";

const SHOWN = 200;

/** `failed` are {image, fault}s; a fault is a predicate ("is not an image of a known format"). */
export function showFailures(place, failed, done) {
  if (!failed.length) return place.replaceChildren();
  const listed = failed.slice(0, SHOWN).map(({ image, fault }) => make("li", {}, make("b", {}, image.path), ` ${fault}.`));
  const more = failed.length - listed.length;
  place.replaceChildren(make("details", { class: "failures" },
    make("summary", {}, `${counted(failed.length, "image")} could not be ${done}`),
    make("ul", {}, listed, more > 0 ? make("li", {}, `and ${more} more`) : null)));
}
