// The tables of workers and models.

import { byId, make } from "../dom.js";
import { duration, shortName } from "../numbers.js";

export function showFleet(workers, models) {
  byId("workers").hidden = !workers.length;
  byId("workers-none").hidden = workers.length > 0;
  fill("workers", workers.map(({ name, model, device, dtype, batch_size: batch, configured_batch_size: configured, in_flight: inFlight, since }) => [
    name, shortName(model), device, dtype, batch < configured ? `${batch} of ${configured}` : batch, inFlight, duration((Date.now() - new Date(since)) / 1000),
  ]));
  fill("models", models.map(({ name, is_default: isDefault, family, resolution, context_length: longest, dimension, workers: count }) => [
    isDefault ? `${shortName(name)} (default)` : shortName(name),
    family ?? "–",
    resolution ? `${resolution.width} × ${resolution.height}` : "–",
    longest ? `${longest} tokens` : "–",
    dimension ?? "–",
    count,
  ]));
}

function fill(id, rows) {
  const table = byId(id);
  const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  table.tBodies[0].replaceChildren(...rows.map(([first, ...rest]) => make("tr", {},
    make("th", { scope: "row" }, first),
    rest.map((value, nth) => make("td", { "data-name": names[nth + 1] }, String(value))))));
}
