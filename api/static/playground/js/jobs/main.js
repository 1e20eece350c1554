// The view Jobs and workers, refreshed while it is visible.

import { call, events, get } from "../api.js";
import { byId } from "../dom.js";
import { Problem } from "../problem.js";
import { clearTrouble, showTrouble } from "../trouble.js";
import { registerView } from "../views.js";
import { showFleet } from "./fleet.js";
import { makeJobTable } from "./job-table.js";
import { OpenedJob } from "./opened.js";
import { doneBy, perSecond, Rates } from "./rates.js";

const REFRESH_MS = 2000;
const PAGE = 20;
const MOST = 100;

class JobsView {
  #table = makeJobTable(byId("jobs"), {
    cancel: ({ id }) => this.#act(`jobs/${id}/cancel`, "POST"),
    forget: ({ id }) => this.#act(`jobs/${id}`, "DELETE"),
  });
  #opened = new OpenedJob();
  #rates = new Rates();
  #isShown = false;
  #timer = 0;
  #limit = PAGE;

  constructor() {
    byId("jobs-status").addEventListener("change", () => this.#refresh());
    byId("jobs-more").addEventListener("click", () => {
      this.#limit = Math.min(MOST, this.#limit + 2 * PAGE);
      this.#refresh();
    });
    document.addEventListener("visibilitychange", () => this.#refresh());
    events.addEventListener("key", () => this.#refresh());
  }

  async show(id) {
    this.#isShown = true;
    this.#refresh();
    await this.#opened.open(id).catch((error) => this.#tell(error));
  }

  hide() {
    this.#isShown = false;
    clearTimeout(this.#timer);
  }

  async #refresh() {
    clearTimeout(this.#timer);
    if (!this.#isShown || document.visibilityState !== "visible") return;
    try {
      await Promise.all([this.#load(), this.#opened.refresh()]);
      clearTrouble(byId("jobs-trouble"));
      clearTimeout(this.#timer);
      if (this.#isShown) this.#timer = setTimeout(() => this.#refresh(), REFRESH_MS);
    } catch (error) {
      this.#tell(error);
    }
  }

  async #load() {
    const query = new URLSearchParams({ limit: this.#limit });
    if (byId("jobs-status").value) query.set("status", byId("jobs-status").value);
    const [list, workers, models] = await Promise.all([get(`jobs?${query}`), get("workers"), get("models")]);
    const rates = this.#rates.update(doneBy(list.jobs), performance.now() / 1000);
    this.#table.show(list.jobs, rates);
    byId("jobs-told").textContent = toldOf(list.jobs, rates);
    byId("jobs-none").hidden = list.jobs.length > 0;
    byId("jobs").hidden = !list.jobs.length;
    byId("jobs-more").hidden = !list.next || this.#limit >= MOST;
    showFleet(workers.workers, models.models);
  }

  #tell(error) {
    if (!(error instanceof Problem)) throw error;
    showTrouble(byId("jobs-trouble"), error, error.status === 401 ? null : () => this.#refresh());
  }

  async #act(path, method) {
    try {
      await call(path, { method });
    } catch (error) {
      if (![404, 409].includes(error.status)) return this.#tell(error); // it ended or went meanwhile
    }
    return this.#refresh();
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
