// The chosen pictures as they stand in the form, each with a button that takes it away.

import { make } from "./dom.js";

/** Show a picture, or its name where the browser cannot (a broken link, a TIFF). */
export function preview(picture, size) {
  const frame = make("span", { class: "frame" });
  const image = make("img", {
    src: picture.source, alt: "", width: size, height: size,
    referrerpolicy: "no-referrer", loading: "lazy", decoding: "async",
  });
  image.addEventListener("error", () => {
    const kind = picture.name.includes(".") ? picture.name.split(".").pop().slice(0, 5) : "?";
    frame.replaceChildren(make("span", { class: "unshown", "aria-hidden": "true" }, kind));
  });
  frame.append(image);
  return frame;
}

/** Keep a list in step with the pictures; entries that stay keep their focus. */
export function showThumbs(list, pictures) {
  const entries = new Map();
  pictures.addEventListener("change", () => {
    const chosen = pictures.all;
    for (const [picture, entry] of entries) {
      if (!chosen.includes(picture)) {
        entry.item.remove();
        entries.delete(picture);
        if (picture.kind === "file") URL.revokeObjectURL(picture.source);
      }
    }
    for (const picture of chosen) {
      if (!entries.has(picture)) {
        const entry = makeEntry(picture, pictures, list);
        entries.set(picture, entry);
        list.append(entry.item);
      }
      const { item, fault } = entries.get(picture);
      item.classList.toggle("faulty", Boolean(picture.fault));
      fault.textContent = picture.fault;
    }
  });
}

function makeEntry(picture, pictures, list) {
  const remove = () => {
    const next = item.nextElementSibling ?? item.previousElementSibling;
    pictures.remove(picture);
    (next?.querySelector("button") ?? list.ownerDocument.getElementById("files")).focus();
  };
  const fault = make("span", { class: "fault" });
  const item = make("li", {},
    preview(picture, 72),
    make("span", { class: "name", title: picture.url ?? picture.name }, picture.name),
    fault,
    make("button", { type: "button", class: "remove", "aria-label": `Remove ${picture.name}`, onclick: remove }, "×"));
  return { item, fault };
}
