// One run at a time that encodes the images without vectors; it can be cancelled and continued.

import { make } from "../dom.js";
import { counted } from "../numbers.js";
import { Problem } from "../problem.js";
import { makeProgress } from "../sending/progress.js";
import { clearTrouble, showTrouble } from "../trouble.js";
import { showFailures } from "../sending/failures.js";

export function startEncoding(library, place, trouble) {
  let running = null;
  const progress = makeProgress(["Encoding", "encoded"], () => running?.abort());
  const carryOn = make("button", { type: "button", hidden: true, onclick: () => start() });
  const failures = make("div");
  place.append(progress.element, carryOn, failures);

  async function start() {
    if (running || !library.missing.length) return;
    running = new AbortController();
    carryOn.hidden = true;
    clearTrouble(trouble);
    progress.begin(library.missing.length);
    try {
      do await library.encode({ signal: running.signal, onProgress: progress.update, onWait: progress.wait });
      while (library.missing.length); // more came meanwhile
      progress.end(`${counted(library.images.length - library.failed.length, "image")} encoded.`);
    } catch (error) {
      stop(error);
    } finally {
      running = null;
      showFailures(failures, library.failed, "encoded");
    }
  }

  function stop(error) {
    const left = library.missing.length;
    progress.end(error.name === "AbortError" ? "Cancelled." : "");
    carryOn.textContent = `Encode the other ${left.toLocaleString("en")}`;
    carryOn.hidden = !left || error.name !== "AbortError";
    if (error.name !== "AbortError") fail(error, start);
  }

  function fail(error, again) {
    if (!(error instanceof Problem)) throw error;
    showTrouble(trouble, error, error.status === 401 ? null : again);
  }

  /** Look which model is served, and what is kept of it. */
  async function open() {
    try {
      await library.open();
      if (!running) clearTrouble(trouble);
    } catch (error) {
      fail(error, () => open().then(start));
    }
  }

  return { start, open, fail, cancel: () => running?.abort() };
}
