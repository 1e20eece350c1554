// A tile: an image with a button over it that opens it, and what a view adds.

import { make } from "../dom.js";

/** `more` are elements of the view below or over the image. */
export function makeTile(image, thumbnails, open, ...more) {
  const picture = make("span", { class: "picture" });
  const button = make("button", { type: "button", class: "opens", "aria-label": image.name, onclick: () => open(image) }, picture);
  thumbnails.claim(image, (url) => picture.replaceChildren(url ? small(url, picture, image) : standIn(image)));
  return {
    element: make("li", { class: "tile" }, button, ...more),
    button,
    release: () => thumbnails.drop(image),
  };
}

function small(url, picture, image) {
  const element = make("img", { src: url, alt: "", draggable: "false", decoding: "async" });
  element.addEventListener("error", () => picture.replaceChildren(standIn(image)));
  return element;
}

/** For formats that the browser cannot show, such as TIFF or HEIC. */
function standIn({ name }) {
  const kind = name.includes(".") ? name.split(".").pop().slice(0, 5) : "?";
  return make("span", { class: "unshown", "aria-hidden": "true" }, kind);
}
