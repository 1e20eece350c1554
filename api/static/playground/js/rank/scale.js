// Probability or cosine similarity, and the threshold for "none of these".

import { byId } from "../dom.js";
import { signed } from "../ranks.js";

export class Scale {
  #range = byId("threshold");

  constructor(onChange) {
    this.#range.addEventListener("input", () => {
      if (this.value.threshold) byId("as-cosine").checked = true; // show what is compared
    });
    byId("scale").addEventListener("input", () => {
      this.#tellThreshold();
      onChange();
    });
    this.#tellThreshold();
  }

  get value() {
    return { isCosine: byId("as-cosine").checked, threshold: Number(this.#range.value) };
  }

  set threshold(value) {
    this.#range.value = value;
    this.#tellThreshold();
    if (value) byId("none-more").open = true;
  }

  /** Show the controls for scores of a kind; hide them without. */
  show(scores) {
    byId("scale").hidden = !scores;
    byId("as-score-told").textContent = scores === "raw" ? "Raw score" : "Probability";
  }

  /** Say what the best label of the selected image has. */
  tell([first]) {
    byId("threshold-best").textContent = `Here “${first.name}” has ${signed(first.cosine)}.`;
  }

  #tellThreshold() {
    const { threshold } = this.value;
    byId("threshold-told").textContent = threshold ? threshold.toFixed(2) : "off";
    this.#range.setAttribute("aria-valuetext", threshold ? `cosine similarity ${threshold.toFixed(2)}` : "off");
  }
}
