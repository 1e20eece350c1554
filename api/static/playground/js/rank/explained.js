// Below the results: how to read them, timings, and the request as code.

import { address, apiKey } from "../api.js";
import { byId, make } from "../dom.js";
import { scoresOf } from "../ranks.js";
import { showTimings } from "../timings.js";
import { curl } from "./curl.js";
import { python } from "./python.js";

const READINGS = {
  share: "The probabilities of an image add up to 100 %: the best of your labels wins, even if none fits.",
  each: "Each label is scored on its own: several may fit an image, or none.",
  raw: "These are raw scores: only compare them within one image.",
};
const SNIPPETS = { curl: "curl", python: "Python", json: "JSON" };

/** Build the snippets once; their texts change with each answer, and what is open stays open. */
export function startExplained() {
  for (const [id, name] of Object.entries(SNIPPETS)) byId(`as-${id}`).append(...makeSnippet(name));
}

export function showExplained(request, answer) {
  byId("explained").hidden = !request;
  if (!request) return;
  const url = address("rank");
  const needsKey = apiKey() !== "";
  byId("reading").textContent = READINGS[scoresOf(request.settings.activation)];
  byId("timings").replaceChildren(showTimings(answer.timings, answer.seconds));
  fill("curl", curl(url, request.images, request.fields, needsKey));
  fill("python", python(url, request.images, request.fields, needsKey));
  fill("json", shortened(answer.result));
}

/** How to read the numbers, and how long they took, is of no use for an image that has none. */
export function explainNumbers(hasNumbers) {
  for (const id of ["reading", "timings"]) byId(id).hidden = !hasNumbers;
}

function fill(id, text) {
  const code = byId(`as-${id}`).querySelector("code");
  if (code.textContent !== text) code.textContent = text;
}

function makeSnippet(name) {
  const code = make("code");
  const told = make("span", { class: "aside", role: "status" });
  const copy = async () => {
    told.textContent = (await copied(code.textContent)) ? "Copied." : "Select the text to copy it.";
  };
  return [
    make("div", { class: "row" }, make("h3", {}, name),
      told, make("button", { type: "button", class: "small", onclick: copy, "aria-label": `Copy ${name}` }, "Copy")),
    make("pre", { tabindex: "0", role: "group", "aria-label": `${name}, text` }, code),
  ];
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
  const numbers = /\[\s+([-\d.e,\s]+?)\s+\]/g;
  return JSON.stringify(result, null, 2).replace(numbers, (_, row) => `[${row.replace(/\s+/g, " ")}]`);
}
