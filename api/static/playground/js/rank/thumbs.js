// The chosen images in the form, each with a button that removes it.

import { make } from "../dom.js";

/** Show an image, or its name if the browser cannot (a broken link, a TIFF). */
export function preview(image, size) {
  const frame = make("span", { class: "frame" });
  const element = make("img", {
    src: image.source, alt: "", width: size, height: size,
    referrerpolicy: "no-referrer", loading: "lazy", decoding: "async",
  });
  element.addEventListener("error", () => {
    const kind = image.name.includes(".") ? image.name.split(".").pop().slice(0, 5) : "?";
    frame.replaceChildren(make("span", { class: "unshown", "aria-hidden": "true" }, kind));
  });
  frame.append(element);
  return frame;
}

/** Update the list in place, so that entries keep their focus. */
export function showThumbs(list, images) {
  const entries = new Map();
  images.addEventListener("change", () => {
    const chosen = images.all;
    for (const [image, entry] of entries) {
      if (!chosen.includes(image)) {
        entry.item.remove();
        entries.delete(image);
        if (image.kind === "file") URL.revokeObjectURL(image.source);
      }
    }
    for (const image of chosen) {
      if (!entries.has(image)) {
        const entry = makeEntry(image, images, list);
        entries.set(image, entry);
        list.append(entry.item);
      }
      const { item, fault } = entries.get(image);
      item.classList.toggle("faulty", Boolean(image.fault));
      fault.textContent = image.fault;
    }
  });
}

function makeEntry(image, images, list) {
  const remove = () => {
    const next = item.nextElementSibling ?? item.previousElementSibling;
    images.remove(image);
    (next?.querySelector("button") ?? list.ownerDocument.getElementById("files")).focus();
  };
  const fault = make("span", { class: "fault" });
  const item = make("li", {},
    preview(image, 72),
    make("span", { class: "name", title: image.url ?? image.name }, image.name),
    fault,
    make("button", { type: "button", class: "remove", "aria-label": `Remove ${image.name}`, onclick: remove }, "×"));
  return { item, fault };
}
