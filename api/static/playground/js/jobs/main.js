// The jobs view, refreshed while it is visible.

import { call, events, get } from "../api.js";
import { byId } from "../dom.js";
import { Problem } from "../problem.js";
import { clearTrouble, showTrouble } from "../trouble.js";
import { registerView } from "../views.js";
import { showFleet } from "./fleet.js";
import { makeJobTable } from "./job-table.js";
import { openJob } from "./opened.js";

const REFRESH_MS = 2000;
const PAGE = 20;

startJobs();

function startJobs() {
  const trouble = byId("jobs-trouble");
  const table = makeJobTable(byId("jobs"), { cancel, forget, open });
  let shown = false;
  let timer = 0;
  let limit = PAGE;

  const isLookedAt = () => shown && document.visibilityState === "visible";

  async function refresh() {
    clearTimeout(timer);
    if (!isLookedAt()) return;
    try {
      await load();
      clearTrouble(trouble);
      timer = setTimeout(refresh, REFRESH_MS);
    } catch (error) {
      tell(error);
    }
  }

  async function load() {
    const query = new URLSearchParams({ limit });
    if (byId("jobs-status").value) query.set("status", byId("jobs-status").value);
    const [list, workers, models] = await Promise.all([get(`jobs?${query}`), get("workers"), get("models")]);
    table.show(list.jobs);
    byId("jobs-none").hidden = list.jobs.length > 0;
    byId("jobs").hidden = !list.jobs.length;
    byId("jobs-more").hidden = !list.next || limit >= 100;
    showFleet(workers.workers, models.models);
  }

  function tell(error) {
    if (!(error instanceof Problem)) throw error;
    showTrouble(trouble, error, error.status === 401 ? null : refresh);
  }

  async function act(path, method) {
    try {
      await call(path, { method });
    } catch (error) {
      if (![404, 409].includes(error.status)) return tell(error); // it ended or went meanwhile
    }
    return refresh();
  }

  function cancel(job) {
    return act(`jobs/${job.id}/cancel`, "POST");
  }

  function forget(job) {
    return act(`jobs/${job.id}`, "DELETE");
  }

  function open(job) {
    return openJob(job.id).catch(tell);
  }

  byId("jobs-status").addEventListener("change", refresh);
  byId("jobs-more").addEventListener("click", () => {
    limit = Math.min(100, limit + 2 * PAGE);
    refresh();
  });
  document.addEventListener("visibilitychange", refresh);
  events.addEventListener("key", refresh);
  registerView("jobs", {
    title: "Jobs",
    show: () => { shown = true; refresh(); },
    hide: () => { shown = false; clearTimeout(timer); },
  });
}
