// Shows an image in a frame, or the end of its name if the browser cannot show it (a broken link, a TIFF).

import { make } from "./dom.js";

export function preview(image, size) {
  const frame = make("span", { class: "frame" });
  const element = make("img", {
    src: image.source, alt: "", width: size, height: size,
    referrerpolicy: "no-referrer", loading: "lazy", decoding: "async",
  });
  const replace = () => frame.replaceChildren(placeholder(image.name));
  element.addEventListener("error", replace);
  if (image.source) frame.append(element);
  else replace();
  return frame;
}

function placeholder(name) {
  const kind = /\.[\w-]{1,5}$/.test(name) ? name.split(".").pop() : "?";
  return make("span", { class: "unshown", "aria-hidden": "true" }, kind);
}
