// Below the results: how to read them, timings, and the request as code.

import { address, apiKey } from "../api.js";
import { curl } from "./curl.js";
import { make } from "../dom.js";
import { python } from "./python.js";
import { showTimings } from "../timings.js";

const READINGS = {
  share: "The shares of an image add up to 100 %: the best of your labels wins, even if none fits.",
  each: "Each label is scored on its own: several may fit an image, or none.",
  raw: "These are raw scores: only compare them within one image.",
};

export function makeExplained({ images, fields, answer, scores }) {
  const url = address("rank");
  const needsKey = apiKey() !== "";
  return [
    make("p", { class: "reading" }, READINGS[scores]),
    showTimings(answer.timings, answer.seconds),
    make("details", {}, make("summary", {}, "The same request as code"),
      makeSnippet("curl", curl(url, images, fields, needsKey)),
      makeSnippet("Python", python(url, images, fields, needsKey))),
    make("details", {}, make("summary", {}, "The answer as JSON"),
      makeSnippet("JSON", shortened(answer.result))),
  ];
}

function makeSnippet(name, text) {
  const told = make("span", { class: "aside", role: "status" });
  const copy = async () => {
    told.textContent = (await copied(text)) ? "Copied." : "Select the text to copy it.";
  };
  return make("section", { class: "snippet", "aria-label": name },
    make("div", { class: "row" }, make("h3", {}, name),
      told, make("button", { type: "button", onclick: copy, "aria-label": `Copy ${name}` }, "Copy")),
    make("pre", { tabindex: "0", "aria-label": `${name}, text` }, make("code", {}, text)));
}

/** Whether the text was copied; browsers refuse it over plain http on another host. */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** A row of numbers on one line. */
function shortened(result) {
  return JSON.stringify(result, null, 2).replace(/\[\s+([-\d.e,\s]+?)\s+\]/g, (_, row) => `[${row.replace(/\s+/g, " ")}]`);
}
