// The table of jobs, updated in place, so that rows keep their focus.

import { make } from "../dom.js";
import { duration } from "../numbers.js";
import { averageOf, perSecond } from "./rates.js";

const UNFINISHED = ["queued", "running"];

export const hasEnded = ({ status }) => !UNFINISHED.includes(status);

/** `actions` are `{cancel, forget}`; both take a job. */
export function makeJobTable(table, actions) {
  const [body] = table.tBodies;
  const rows = new Map();
  return {
    /** `rates` are images per second by id. */
    show(jobs, rates) {
      for (const [id, row] of rows) {
        if (!jobs.some((job) => job.id === id)) {
          row.element.remove();
          rows.delete(id);
        }
      }
      jobs.forEach((job, nth) => {
        if (!rows.has(job.id)) rows.set(job.id, makeRow(job, actions));
        const row = rows.get(job.id);
        row.update(job, rates.get(job.id));
        if (body.rows[nth] !== row.element) body.insertBefore(row.element, body.rows[nth] ?? null);
      });
    },
  };
}

function makeRow(job, actions) {
  const short = job.id.slice(0, 8);
  const status = make("span", { class: "status" });
  const bar = make("progress", { "aria-label": `Progress of job ${short}` });
  const counts = make("span", { class: "aside" });
  const took = make("td", { "data-name": "Took" });
  const button = (word, act) => make("button",
    { type: "button", class: "small", "aria-label": `${word} job ${short}`, onclick: () => act(job) }, word);
  const [cancel, forget] = [button("Cancel", actions.cancel), button("Delete", actions.forget)];
  const created = new Date(job.created_at);
  const metadata = Object.entries(job.metadata ?? {}).map(([name, value]) => `${name}: ${value}`);
  const about = [job.kind.replace("_", " "), ...metadata];
  const element = make("tr", {},
    make("th", { scope: "row" },
      make("a", { href: `#jobs/${job.id}`, title: job.id, "aria-label": `Job ${short}` }, make("code", {}, short)),
      about.map((words) => make("span", { class: "aside" }, words))),
    make("td", { "data-name": "Status" }, status),
    make("td", { "data-name": "Progress" }, make("div", {}, bar, counts)),
    make("td", { "data-name": "Created" },
      make("time", { datetime: job.created_at, title: created.toLocaleString() }, created.toLocaleTimeString())),
    took,
    make("td", { class: "doing" }, cancel, forget));
  const update = (now, rate) => {
    showStatus(status, now);
    showProgress(bar, counts, now, rate ?? averageOf(now));
    took.textContent = tookOf(now);
    cancel.hidden = hasEnded(now);
  };
  return { element, update };
}

export function showStatus(element, { status }) {
  element.textContent = status;
  element.dataset.state = status;
}

export function showProgress(bar, counts, { progress: { total, done, failed } }, rate) {
  [bar.max, bar.value] = [total, done + failed];
  const speed = rate === null || rate === undefined ? "" : ` · ${perSecond(rate)}`;
  counts.textContent = `${done} of ${total}${failed ? `, ${failed} failed` : ""}${speed}`;
}

export function tookOf({ started_at: started, finished_at: finished }) {
  const end = finished ? new Date(finished) : new Date();
  return started ? duration(Math.max(0, (end - new Date(started)) / 1000)) : "–";
}
