// A line that shows how far a run is, how fast it goes, and a way to cancel it.

import { make } from "../dom.js";
import { counted, duration } from "../numbers.js";

const LOOK_BACK_MS = 10_000;

/** `verb` is what is done: ["Encoding", "encoded"]. */
export function makeProgress([doing, done], onCancel) {
  const bar = make("progress", { "aria-label": `Images ${done}` });
  const told = make("p", { class: "told" });
  const rate = make("p", { class: "aside rate" });
  const announcement = make("p", { class: "unseen", role: "status" });
  const cancel = make("button", { type: "button", onclick: onCancel }, "Cancel");
  const line = make("div", { class: "sending", hidden: true }, told, bar, rate, cancel);
  let seen = [];

  function begin(total) {
    line.hidden = false;
    seen = [[performance.now(), 0]];
    bar.removeAttribute("value");
    told.textContent = `${doing} ${counted(total, "image")}…`;
    rate.textContent = "";
    announcement.textContent = told.textContent;
  }

  function update({ total, ended, failed }) {
    [bar.max, bar.value] = [total, ended];
    told.textContent = `${counted(ended, "image")} of ${total.toLocaleString("en")} ${done}${failed ? `, ${failed} failed` : ""}`;
    rate.textContent = speed(ended, total);
  }

  function speed(ended, total) {
    const now = performance.now();
    seen.push([now, ended]);
    while (seen.length > 2 && seen[0][0] < now - LOOK_BACK_MS) seen.shift();
    const [[since, before]] = seen;
    const each = (ended - before) / Math.max(0.001, (now - since) / 1000);
    const left = each > 0 ? (total - ended) / each : 0;
    return `${each < 10 ? each.toFixed(1) : Math.round(each)} images per second${left > 1 ? `, ${duration(left)} left` : ""}`;
  }

  /** The next update ends it. */
  function wait(problem, seconds) {
    rate.textContent = `${problem.title}. Trying again in ${duration(seconds)}…`;
  }

  function end(words) {
    line.hidden = true;
    announcement.textContent = words;
  }

  return { element: make("div", {}, line, announcement), begin, update, wait, end };
}
