// The tables of workers and models, and the link to Flower.

import { byId, make } from "../dom.js";
import { duration, shortName } from "../numbers.js";
import { perSecond, Rates } from "./rates.js";

const rates = new Rates();

export function showWorkers(workers) {
  const speeds = rates.update(encodedBy(workers), performance.now() / 1000);
  byId("workers").hidden = !workers.length;
  byId("workers-none").hidden = workers.length > 0;
  fill("workers", workers.map((worker) => [
    nameOf(worker), shortName(worker.model), worker.device, worker.dtype, batchOf(worker), worker.in_flight,
    speeds.has(worker.name) ? perSecond(speeds.get(worker.name)) : "–",
    duration((Date.now() - new Date(worker.since)) / 1000),
  ]));
  showFlower();
}

export function showModels(models) {
  fill("models", models.map((model) => [
    model.is_default ? `${shortName(model.name)} (default)` : shortName(model.name),
    model.family ?? "–",
    model.resolution ? `${model.resolution.width} × ${model.resolution.height}` : "–",
    model.context_length ? `${model.context_length} tokens` : "–",
    model.dimension ?? "–",
    model.workers,
  ]));
}

/** The images that each worker's model has encoded. A worker of an earlier release does not say. */
const encodedBy = (workers) => new Map(workers.filter((each) => Number.isFinite(each.encoded_images))
  .map((each) => [each.name, each.encoded_images]));

/** A worker that is short of memory takes smaller batches. */
function batchOf({ batch_size: now, configured_batch_size: configured }) {
  return now < configured ? `${now} of ${configured}` : now;
}

/** With its name in Celery, by which Flower lists it. */
const nameOf = ({ name, node }) => [name, ...(node && node !== name ? [make("span", { class: "aside" }, node)] : [])];

/** The page says where Flower is, if the operator does. */
function showFlower() {
  const url = document.querySelector("meta[name=flower]")?.content ?? "";
  byId("flower").hidden = !/^https?:/.test(url);
  byId("flower").querySelector("a").href = url;
}

function fill(id, rows) {
  const table = byId(id);
  const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  table.tBodies[0].replaceChildren(...rows.map(([first, ...rest]) => make("tr", {},
    make("th", { scope: "row" }, first),
    rest.map((value, nth) => make("td", { "data-name": names[nth + 1] }, String(value))))));
}
