// The view Jobs and workers, refreshed while it is visible.

import { call, events, get } from "../api.js";
import { byId } from "../dom.js";
import { Problem } from "../problem.js";
import { clearTrouble, showTrouble } from "../trouble.js";
import { registerView } from "../views.js";
import { showModels, showWorkers } from "./fleet.js";
import { hasEnded, makeJobTable } from "./job-table.js";
import { OpenedJob } from "./opened.js";
import { Polling } from "./polling.js";
import { doneBy, perSecond, Rates } from "./rates.js";

const AT_ONCE = 2; // requests for one look
const PAGE = 20;
const MAX_JOBS = 100;

class JobsView {
  #table = makeJobTable(byId("jobs"), {
    cancel: ({ id }) => this.#act(`jobs/${id}/cancel`, "POST"),
    forget: ({ id }) => this.#act(`jobs/${id}`, "DELETE"),
  });
  #opened = new OpenedJob();
  #polling = new Polling(() => this.#look(), (problem) => this.#tell(problem));
  #rates = new Rates();
  #limit = PAGE;
  #isBusy = false; // whether a job is queued or running
  #isFilled = false; // whether the tables show something
  #next = 0; // what is due next

  constructor() {
    byId("jobs-status").addEventListener("change", () => this.#lookAtList());
    byId("jobs-more").addEventListener("click", () => {
      this.#limit = Math.min(MAX_JOBS, this.#limit + 2 * PAGE);
      this.#lookAtList();
    });
    events.addEventListener("key", () => this.#lookAtList());
  }

  async show(id) {
    await Promise.all([this.#polling.start(), this.#opened.open(id).catch((error) => this.#tell(error))]);
  }

  hide() {
    this.#polling.stop();
  }

  #lookAtList() {
    this.#next = 0;
    this.#polling.now();
  }

  async #look() {
    await Promise.all(this.#due().map((ask) => ask()));
    this.#isFilled = true;
    clearTrouble(byId("jobs-trouble"));
    return this.#isBusy || this.#opened.isRunning;
  }

  /** At first all; then the opened job each time, and the list more often than workers and models. */
  #due() {
    const [list, workers, models] = [() => this.#list(), () => this.#workers(), () => this.#models()];
    if (!this.#isFilled) return [list, workers, models];
    const due = this.#opened.isRunning ? [() => this.#opened.refresh()] : [];
    const rest = [list, workers, list, models];
    while (due.length < AT_ONCE) {
      due.push(rest[this.#next % rest.length]);
      this.#next += 1;
    }
    return due;
  }

  async #list() {
    const query = new URLSearchParams({ limit: this.#limit });
    if (byId("jobs-status").value) query.set("status", byId("jobs-status").value);
    const { jobs, next } = await get(`jobs?${query}`);
    const rates = this.#rates.update(doneBy(jobs), performance.now() / 1000);
    this.#isBusy = !jobs.every(hasEnded);
    this.#table.show(jobs, rates);
    byId("jobs-told").textContent = toldOf(jobs, rates);
    byId("jobs-none").hidden = jobs.length > 0;
    byId("jobs").hidden = !jobs.length;
    byId("jobs-more").hidden = !next || this.#limit >= MAX_JOBS;
  }

  async #workers() {
    showWorkers((await get("workers")).workers);
  }

  async #models() {
    showModels((await get("models")).models);
  }

  #tell(error) {
    if (!(error instanceof Problem)) throw error;
    showTrouble(byId("jobs-trouble"), error, error.status === 401 ? null : () => this.#polling.now());
  }

  async #act(path, method) {
    try {
      await call(path, { method });
    } catch (error) {
      if (![404, 409].includes(error.status)) return this.#tell(error); // it ended or went meanwhile
    }
    return this.#lookAtList();
  }
}

/** "2 running, 1 queued: 120 images/s". */
function toldOf(jobs, rates) {
  const count = (state) => jobs.filter(({ status }) => status === state).length;
  const states = ["running", "queued"].filter(count).map((state) => `${count(state)} ${state}`).join(", ");
  const rate = [...rates.values()].reduce((sum, each) => sum + each, 0);
  return states && rates.size ? `${states}: ${perSecond(rate)}` : states;
}

const view = new JobsView();
registerView("jobs", { title: "Jobs", show: ({ rest }) => view.show(rest), hide: () => view.hide() });
