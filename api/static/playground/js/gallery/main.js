// The view Gallery: many images, each with the label that fits it best.

import { events } from "../api.js";
import { byId } from "../dom.js";
import { Thumbnails } from "../grid/thumbnails.js";
import { collection } from "../intake/collection.js";
import { makeIntake } from "../intake/intake.js";
import { SAMPLE_LABELS } from "../intake/sample-images.js";
import { counted } from "../numbers.js";
import { registerView } from "../views.js";
import { makeCounts } from "./counts.js";
import { asCsv, asJson, download } from "./exports.js";
import { makeHeatMap } from "./heat-map.js";
import { offerSets, readLabelling, showLabelling } from "./labelling.js";
import { startRanking } from "./ranking.js";
import { arranged } from "./results.js";
import { makeWall } from "./wall.js";

const [section, labels, sort, asMap, announcement] =
  ["gallery-view", "gallery-labels", "gallery-sort", "gallery-as-map", "gallery-announcement"].map(byId);
const thumbnails = new Thumbnails();
const ranking = startRanking({ begin, update, end });
const { grid, open } = makeWall(section, thumbnails, () => ranking.results);
const counts = makeCounts(byId("gallery-counts"), filter);
const map = makeHeatMap(byId("gallery-map"), { thumbnails, open });
let only = null; // the index of the label that filters

/** Ranking starts, with these labels. */
function begin(names) {
  only = null;
  counts.begin(names);
  update();
}

/** While results come in, tiles only change their captions, so that nothing moves under the hand. */
function update() {
  counts.update(ranking.results.countsOf(collection.all), collection.size);
  grid.refresh();
}

function end() {
  update();
  arrange();
}

function arrange() {
  const isRanked = ranking.results.labels.length > 0;
  const isMap = isRanked && asMap.getAttribute("aria-pressed") === "true";
  const shown = arranged(collection.all, ranking.results, { sort: isRanked ? sort.value : "name", only });
  byId("gallery-tools").hidden = !isRanked;
  byId("gallery-tiles").hidden = isMap;
  map.hidden = !isMap;
  grid.show(shown);
  if (isRanked) map.show(shown, ranking.results);
}

function filter(index) {
  only = index;
  arrange();
  const which = only === null ? "All" : `“${ranking.results.labels[only]}”`;
  announcement.textContent = `${which}: ${counted(grid.items.length, "image")}.`;
}

function save(name, type, written) {
  const all = arranged(collection.all, ranking.results, { sort: "name", only: null });
  download(name, type, written(all, ranking.results));
}

function suggestLabels() {
  if (!labels.value.trim()) labels.value = SAMPLE_LABELS.join("\n");
  labels.setSelectionRange(0, 0);
  showLabelling();
}

function changed() {
  if (!collection.size) {
    thumbnails.forgetAll();
    ranking.forget();
    counts.clear();
    only = null;
  }
  section.classList.toggle("filled", collection.size > 0);
  arrange();
  if (!section.hidden) ranking.start();
}

function start() {
  collection.addEventListener("change", changed);
  sort.addEventListener("change", arrange);
  asMap.addEventListener("click", () => {
    asMap.setAttribute("aria-pressed", String(asMap.getAttribute("aria-pressed") !== "true"));
    arrange();
  });
  byId("gallery-csv").addEventListener("click", () => save("labels.csv", "text/csv", asCsv));
  byId("gallery-json").addEventListener("click", () => save("labels.json", "application/json", asJson));
  events.addEventListener("key", () => section.hidden || ranking.start());
  byId("gallery-intake").append(makeIntake(section, labels, suggestLabels));
  byId("gallery-tiles").append(grid.element);
  registerView("gallery", { title: "Gallery", show });
}

function show() {
  offerSets();
  if (readLabelling().labels.length) ranking.start();
}

start();
