// An opened job: its result as cards, or why there is none.

import { get } from "../api.js";
import { makeCards } from "../rank/cards.js";
import { byId, make } from "../dom.js";
import { labelsOf } from "./label-set.js";
import { counted } from "../numbers.js";
import { scoresOf } from "../rank/outcome.js";
import { Problem } from "../problem.js";
import { recall } from "../remembered.js";
import { showTimings, timingsOfJob } from "../timings.js";
import { showTrouble } from "../trouble.js";

export async function openJob(id) {
  const job = await get(`jobs/${id}`);
  byId("opened-title").textContent = `Job ${id.slice(0, 8)}`;
  const place = byId("opened-cards");
  if (job.status !== "done") showTrouble(place, Problem.ofJob(job));
  else place.replaceChildren(...await contentOf(job));
  byId("opened").hidden = false;
  byId("opened-title").focus();
}

async function contentOf(job) {
  const timings = showTimings(timingsOfJob(job.timings), (new Date(job.finished_at) - new Date(job.created_at)) / 1000);
  if (job.kind !== "rank") {
    const vectors = Array.isArray(job.result) ? job.result : [];
    const told = vectors.length ? `${counted(vectors.length, "embedding")} of ${vectors[0].length} numbers.` : "Nothing to show.";
    return [make("p", {}, told), timings];
  }
  const known = recall(job.id);
  const images = known?.images ?? job.result.probabilities.map((_, row) => ({ name: `query ${row + 1}` }));
  const labels = job.label_set ? await labelsOf(job.label_set) : known?.labels ?? [];
  return [...makeCards(images, labels, job.result, scoresOf(known?.activation)), timings];
}
