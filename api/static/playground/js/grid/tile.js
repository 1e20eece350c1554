// A tile: an image with a button over it that opens it, and what a view adds.

import { make } from "../dom.js";

/** `more` are elements of the view below or over the image. */
export function makeTile(image, thumbnails, open, ...more) {
  const frame = make("span", { class: "image" });
  const button = make("button", { type: "button", class: "opens", "aria-label": image.name, onclick: () => open(image) }, frame);
  const release = showSmall(image, frame, thumbnails);
  return { element: make("li", { class: "tile" }, button, ...more), button, release };
}

/** Show the small copy of an image in a place, once it is made. Call the returned function when the place goes. */
export function showSmall(image, place, thumbnails) {
  const show = (url) => place.replaceChildren(url ? small(url, place, image) : standIn(image));
  thumbnails.claim(image, show);
  return () => thumbnails.drop(image, show);
}

function small(url, place, image) {
  const element = make("img", { src: url, alt: "", draggable: "false", decoding: "async" });
  element.addEventListener("error", () => place.replaceChildren(standIn(image)));
  return element;
}

/** For formats that the browser cannot show, such as TIFF or HEIC. */
function standIn({ name }) {
  const kind = name.includes(".") ? name.split(".").pop().slice(0, 5) : "?";
  return make("span", { class: "unshown", "aria-hidden": "true" }, kind);
}
