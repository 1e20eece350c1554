// Queries to try on the sample images.

import { make } from "../dom.js";
import { collection } from "../intake/collection.js";
import { SAMPLE_IMAGES } from "../intake/sample-images.js";

const IDEAS = ["something to eat", "an animal", "a vehicle", "music", "vehicle + sky", "animal − bird"];
const names = new Set(SAMPLE_IMAGES.map(({ name }) => name));

export function showIdeas(place, ask) {
  place.append(make("span", { class: "aside" }, "Try"),
    ...IDEAS.map((idea) => make("button", { type: "button", class: "small", onclick: () => ask(idea) }, idea)));
  const update = () => { place.hidden = !collection.size || !collection.all.every(({ name }) => names.has(name)); };
  collection.addEventListener("change", update);
  update();
}
