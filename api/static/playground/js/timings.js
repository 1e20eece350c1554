// Where the time went, according to the server.

import { make } from "./dom.js";
import { duration } from "./numbers.js";

const WORDS = { queue: "waiting", fetch: "fetching", decode: "decoding", inference: "model" };

/** The header Server-Timing as seconds by name. */
export function parseTimings(header) {
  const entries = (header ?? "").matchAll(/([\w-]+);dur=([\d.]+)/g);
  return Object.fromEntries([...entries].map(([, name, ms]) => [name, Number(ms) / 1000]));
}

/** `timings` of a job's document as seconds by name. */
export function timingsOfJob(timings) {
  return Object.fromEntries(Object.entries(timings).map(([name, s]) => [name.replace(/_s$/, ""), s]));
}

export function showTimings(timings, seconds) {
  // All timings are zero if everything was cached.
  const told = Object.entries(WORDS).filter(([name]) => timings[name] > 0);
  return make("dl", { class: "timings" },
    make("div", {}, make("dt", {}, "Answered in"), make("dd", {}, duration(seconds))),
    told.map(([name, word]) =>
      make("div", {}, make("dt", {}, word), make("dd", {}, duration(timings[name])))));
}
