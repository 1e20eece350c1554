// The table of jobs, updated in place, so that rows keep their focus.

import { make } from "../dom.js";
import { duration } from "../numbers.js";

const UNFINISHED = ["queued", "running"];

export function makeJobTable(table, actions) {
  const [body] = table.tBodies;
  const rows = new Map();
  return {
    show(jobs) {
      for (const [id, row] of rows) {
        if (!jobs.some((job) => job.id === id)) {
          row.element.remove();
          rows.delete(id);
        }
      }
      jobs.forEach((job, nth) => {
        if (!rows.has(job.id)) rows.set(job.id, makeRow(job, actions));
        const row = rows.get(job.id);
        row.update(job);
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
  const button = (word, act) =>
    make("button", { type: "button", class: "small", "aria-label": `${word} job ${short}`, onclick: () => act(job) }, word);
  const [cancel, open, forget] = [button("Cancel", actions.cancel), button("Open", actions.open), button("Delete", actions.forget)];
  const created = new Date(job.created_at);
  const element = make("tr", {},
    make("th", { scope: "row" }, make("code", { title: job.id }, short), make("span", { class: "aside" }, job.kind.replace("_", " "))),
    make("td", { "data-name": "Status" }, status),
    make("td", { "data-name": "Progress" }, bar, counts),
    make("td", { "data-name": "Created" }, make("time", { datetime: job.created_at, title: created.toLocaleString() }, created.toLocaleTimeString())),
    took,
    make("td", { class: "doing" }, open, cancel, forget));

  function update({ status: state, progress: { total, done, failed }, started_at: started, finished_at: finished }) {
    status.textContent = state;
    status.dataset.state = state;
    [bar.max, bar.value] = [total, done + failed];
    counts.textContent = `${done} of ${total}${failed ? `, ${failed} failed` : ""}`;
    const end = finished ? new Date(finished) : new Date();
    took.textContent = started ? duration(Math.max(0, (end - new Date(started)) / 1000)) : "–";
    cancel.hidden = !UNFINISHED.includes(state);
    open.hidden = UNFINISHED.includes(state);
  }

  return { element, update };
}
