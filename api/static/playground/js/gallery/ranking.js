// When the images are ranked: when they come, when the labels change, and when the user asks for it.

import { byId } from "../dom.js";
import { collection } from "../intake/collection.js";
import { counted } from "../numbers.js";
import { Problem } from "../problem.js";
import { showFailures } from "../sending/failures.js";
import { makeProgress } from "../sending/progress.js";
import { clearTrouble, showTrouble } from "../trouble.js";
import { areSame, isComplete, namesOf, readLabelling, showLabelling } from "./labelling.js";
import { rankAll } from "./rank-run.js";
import { Results } from "./results.js";

const PAUSE_MS = 1000;
const FEW = 100; // so many are ranked again as soon as the labels have changed

/** Calls `begin(labels)`, `update()` with each piece and `end()`. */
export function startRanking({ begin, update, end }) {
  const [section, trouble, told, button] = ["gallery-view", "gallery-trouble", "gallery-told", "gallery-rank"].map(byId);
  const failures = document.createElement("div");
  const progress = makeProgress(["Ranking", "ranked"], () => running?.abort());
  byId("gallery-progress").append(progress.element, failures);
  let results = new Results();
  let labelling = null; // that of the results
  let running = null;
  let typing = 0;

  const missing = () => collection.all.filter((image) => !results.has(image));
  const isStale = () => labelling !== null && !areSame(labelling, readLabelling());

  /** Rank what has no result, and everything if the labels have changed. */
  async function start() {
    const wanted = readLabelling();
    clearTimeout(typing);
    if (running || !isComplete(wanted) || !collection.size) return show();
    if (!isStale() && labelling && !missing().length) return show();
    const mine = running = new AbortController();
    clearTrouble(trouble);
    try {
      await run(wanted, mine.signal);
    } catch (error) {
      fail(error);
    } finally {
      if (running === mine) running = null;
      end();
      show();
    }
  }

  async function run(wanted, signal) {
    progress.begin(isStale() ? collection.size : missing().length);
    show();
    if (!areSame(labelling, wanted)) {
      const names = await namesOf(wanted);
      signal.throwIfAborted();
      [results, labelling] = [new Results(names), wanted];
      begin(names);
    }
    while (missing().length) { // more may come meanwhile
      await rankAll(missing(), { labelling, results, signal, progress, onResults: update });
    }
    const failed = results.failuresOf(collection.all).length;
    progress.end(`${counted(collection.size - failed, "image")} ranked${failed ? `, ${failed} failed` : ""}.`);
  }

  function fail(error) {
    progress.end(error.name === "AbortError" ? "Cancelled." : "");
    if (error.name === "AbortError") return;
    if (!(error instanceof Problem)) throw error;
    for (const fault of error.faults) fault.told = toldOf(fault, readLabelling());
    showTrouble(trouble, error, error.status === 401 || error.faults.length ? null : start);
  }

  function show() {
    const left = missing().length;
    const stale = isStale();
    section.classList.toggle("stale", stale && !running);
    button.disabled = running !== null || !collection.size || !isComplete(readLabelling()) || (!stale && labelling !== null && !left);
    button.textContent = stale ? "Rank again" : left && left < collection.size ? `Rank the other ${left.toLocaleString("en")}` : "Rank";
    told.textContent = stale && !running ? "The labels have changed: the results are those of the old ones." : "";
    showFailures(failures, results.failuresOf(collection.all), "ranked");
  }

  function changed() {
    showLabelling();
    clearTimeout(typing);
    show();
    if (collection.size && collection.size <= FEW) typing = setTimeout(start, PAUSE_MS);
  }

  byId("gallery-form").addEventListener("input", changed);
  byId("gallery-form").addEventListener("submit", (event) => {
    event.preventDefault();
    start();
  });
  byId("gallery-labels").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) start();
  });
  show();
  return {
    start,
    get results() { return results; },
    forget() {
      running?.abort();
      [results, labelling] = [new Results(), null];
      show();
    },
  };
}

/** A fault of the form in words: of a label, or of another field. */
function toldOf({ pointer, detail }, { labels }) {
  const [, field, index] = pointer.split("/");
  return `${field === "candidates" ? `“${labels[index]}”` : field.replace("_", " ")} ${detail}`;
}
