// An opened job: what it is, how far it is, and its result or why there is none.

import { get } from "../api.js";
import { byId, make } from "../dom.js";
import { counted, shortName } from "../numbers.js";
import { Problem } from "../problem.js";
import { scoresOf } from "../ranks.js";
import { recall } from "../remembered.js";
import { showTimings, timingsOfJob } from "../timings.js";
import { showTrouble } from "../trouble.js";
import { showCards } from "./cards.js";
import { hasEnded, showProgress, showStatus, tookOf } from "./job-table.js";
import { averageOf, doneBy, Rates } from "./rates.js";

const ID = /^[0-9a-f]{32}$/;
const UNKNOWN = "The service keeps no images; only the tab that sent a job can show them.";
const MISSING = "There is no such job: it was deleted, has expired, or belongs to another API key.";

export class OpenedJob {
  #id = "";
  #isComplete = false;
  #rates = new Rates();

  get isRunning() {
    return this.#id !== "" && !this.#isComplete;
  }

  /** Open a job; an empty id closes it. */
  async open(id) {
    if (id === this.#id) return;
    [this.#id, this.#isComplete] = [id, false];
    byId("opened").hidden = true;
    byId("jobs-title").textContent = "Jobs";
    byId("opened-result").replaceChildren();
    if (!id) return;
    await this.refresh();
    if (this.#id === id) byId("opened-title").focus();
  }

  /** Ask how far the job is, until it has ended. */
  async refresh() {
    const id = this.#id;
    if (!id || this.#isComplete) return;
    const job = ID.test(id) ? await this.#ask(id) : null; // a fragment may hold anything, such as ".."
    if (id !== this.#id) return; // another was opened meanwhile
    byId("opened").hidden = false;
    byId("opened-title").textContent = `Job ${id.slice(0, 8)}`;
    byId("opened-about").hidden = !job;
    if (!job) {
      this.#isComplete = true;
      byId("opened-result").replaceChildren(make("p", { class: "none" }, MISSING));
      return;
    }
    this.#isComplete = hasEnded(job);
    this.#showHead(job);
    if (this.#isComplete) showResult(job);
  }

  async #ask(id) {
    try {
      return await get(`jobs/${encodeURIComponent(id)}`);
    } catch (error) {
      if (error.status !== 404) throw error;
      return null;
    }
  }

  #showHead(job) {
    showStatus(byId("opened-status"), job);
    const rate = this.#rates.update(doneBy([job]), performance.now() / 1000).get(job.id);
    showProgress(byId("opened-progress"), byId("opened-counts"), job, rate ?? averageOf(job));
    byId("opened-facts").replaceChildren(...factsOf(job).map(([name, value]) =>
      make("div", {}, make("dt", {}, name), make("dd", {}, value))));
  }
}

function factsOf(job) {
  return [
    ["Id", job.id],
    ["Created", new Date(job.created_at).toLocaleString()],
    ["Took", tookOf(job)],
    ["Model", job.model && shortName(job.model.name)],
    ["Label set", job.label_set && `${job.label_set.name}, version ${job.label_set.version}`],
    ...Object.entries(job.metadata ?? {}),
  ].filter(([, value]) => value);
}

function showResult(job) {
  const place = byId("opened-result");
  if (job.status !== "done") return showTrouble(place, Problem.ofJob(job));
  const seconds = (new Date(job.finished_at) - new Date(job.created_at)) / 1000;
  place.replaceChildren(showTimings(timingsOfJob(job.timings), seconds));
  if (job.kind === "rank") return showRanks(place, job);
  const vectors = Array.isArray(job.result) ? job.result : [];
  const told = `${counted(vectors.length, "embedding")} of ${vectors[0]?.length ?? 0} numbers.`;
  return place.append(make("p", {}, told));
}

/** What this tab sent it remembers; of other jobs the document has the labels, but not the images. */
function showRanks(place, job) {
  const known = recall(job.id);
  const images = known?.images ?? job.result.probabilities.map((_, row) => ({ name: `image ${row + 1}` }));
  const labels = (job.labels ?? known?.labels ?? []).map((label, nth) => label ?? `image ${nth + 1}`);
  if (!known) place.append(make("p", { class: "aside" }, UNKNOWN));
  showCards(place, images, labels, job.result, scoresOf(known?.activation));
}
