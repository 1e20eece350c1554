// The chosen images: the selected one large, all of them as a strip in which one is selected or removed.

import { byId, make } from "../dom.js";
import { preview } from "../preview.js";

const MANY = 24;

export function startStrip(images) {
  const list = byId("strip");
  const entries = new Map();

  /** Update the list in place, so that entries keep their focus. */
  function update() {
    const chosen = images.all;
    for (const [image, entry] of entries) {
      if (chosen.includes(image)) continue;
      entry.item.remove();
      entries.delete(image);
    }
    for (const image of chosen) {
      if (!entries.has(image)) {
        entries.set(image, makeEntry(image, images));
        list.append(entries.get(image).item);
      }
      const { item, show, told } = entries.get(image);
      item.classList.toggle("faulty", Boolean(image.fault));
      show.setAttribute("aria-label", image.fault ? `Show ${image.name}, which ${image.fault}` : `Show ${image.name}`);
      if (image.fault) told.textContent = "failed";
    }
    list.hidden = !chosen.length;
    byId("many").hidden = chosen.length <= MANY;
  }

  function select() {
    for (const [image, { show }] of entries) show.setAttribute("aria-pressed", String(image === images.selected));
    showHero(images.selected);
  }

  images.addEventListener("change", update);
  images.addEventListener("select", select);
  update();
  select();
  /** Show a few words below each image: a map from image to words. */
  return {
    caption: (words) => {
      for (const [image, { told }] of entries) told.textContent = words.get(image) ?? (image.fault ? "failed" : "");
    },
  };
}

function showHero(image) {
  const place = byId("hero-image");
  byId("hero").classList.toggle("empty", !image);
  byId("hero-name").textContent = image?.name ?? "";
  place.replaceChildren(...(image ? [preview(image, 480)] : []));
  const shown = place.querySelector("img");
  if (shown) shown.alt = image.name;
}

function makeEntry(image, images) {
  const remove = () => {
    const next = item.nextElementSibling ?? item.previousElementSibling;
    images.remove(image);
    (next?.querySelector(".show") ?? byId("choose")).focus();
  };
  const select = () => images.select(image);
  const show = make("button", { type: "button", class: "show", "aria-pressed": "false", onclick: select },
    preview(image, 64));
  const told = make("span", { class: "told" });
  const item = make("li", { title: image.url ?? image.name }, show, told,
    make("button", { type: "button", class: "remove", "aria-label": `Remove ${image.name}`, onclick: remove }, "×"));
  return { item, show, told };
}
