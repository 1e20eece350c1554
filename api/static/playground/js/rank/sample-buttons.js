// Buttons for sample images, and an example for new users.

import { byId, make } from "../dom.js";
import { EXAMPLE, LABELS, SAMPLES } from "../samples.js";

export function startSamples(images, submit) {
  const labels = byId("labels");
  const suggest = () => {
    if (labels.value.trim()) return;
    labels.value = LABELS.join("\n");
    labels.dispatchEvent(new Event("input", { bubbles: true }));
  };
  byId("samples").querySelector("ul").append(...SAMPLES.map(({ id, path }) => {
    const take = () => {
      images.addSample(id);
      suggest();
    };
    return make("li", {}, make("button", { type: "button", "aria-label": `Add the sample image ${id}`, onclick: take },
      make("img", { src: path, alt: "", width: 44, height: 44 })));
  }));
  byId("example").addEventListener("click", () => {
    EXAMPLE.forEach((id) => images.addSample(id));
    suggest();
    submit();
  });
}
