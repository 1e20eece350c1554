// The right-hand side: welcome, progress, a problem or results.

import { byId } from "../dom.js";
import { makeCards } from "./cards.js";
import { makeExplained } from "./explained.js";
import { counted } from "../numbers.js";
import { clearTrouble, showTrouble } from "../trouble.js";

export const scoresOf = (activation) => ({ none: "raw", sigmoid: "each" })[activation] ?? "share";

export function showOutcome() {
  const [welcome, running, cards, explained] = ["welcome", "running", "cards", "explained"].map(byId);
  const [trouble, bar, told, announcement] = ["trouble", "progress", "running-told", "announcement"].map(byId);
  let cancel = () => {};
  byId("cancel").addEventListener("click", () => cancel());

  function reset() {
    [welcome.hidden, running.hidden] = [false, true];
    clearTrouble(trouble);
    cards.replaceChildren();
    explained.replaceChildren();
    announcement.textContent = "";
  }

  function begin(count, onCancel) {
    reset();
    [welcome.hidden, running.hidden] = [true, false];
    bar.removeAttribute("value");
    told.textContent = `Ranking ${counted(count, "image")}…`;
    announcement.textContent = told.textContent;
    cancel = onCancel;
    bringIntoView(byId("outcome"));
  }

  function progress({ total, done, failed }) {
    [bar.max, bar.value] = [total, done + failed];
    const rest = failed ? `, ${failed} failed` : "";
    told.textContent = `${done} of ${counted(total, "image")} done${rest}`;
  }

  function show({ images, settings, fields }, answer) {
    running.hidden = true;
    const scores = scoresOf(settings.activation);
    cards.replaceChildren(...makeCards(images, answer.labels, answer.result, scores));
    explained.replaceChildren(...makeExplained({ images, fields, answer, scores }));
    const failed = answer.result.probabilities.filter((row) => row === null).length;
    const rest = failed ? `; ${failed} could not be ranked` : "";
    announcement.textContent = `Ranked ${counted(images.length - failed, "image")}${rest}.`;
  }

  function fail(problem, again) {
    running.hidden = true;
    announcement.textContent = "";
    showTrouble(trouble, problem, again);
  }

  function cancelled() {
    reset();
    announcement.textContent = "Cancelled.";
  }

  return { reset, begin, progress, show, fail, cancelled };
}

/** On a phone the answer is below the form, outside the viewport. */
function bringIntoView(element) {
  const { top } = element.getBoundingClientRect();
  if (top < 0 || top > window.innerHeight * 0.7) element.scrollIntoView({ block: "start" });
}
