// The view Gallery: many images, each with the label that fits it best.

import { events } from "../api.js";
import { byId, make } from "../dom.js";
import { makeLarge } from "../grid/large.js";
import { Thumbnails } from "../grid/thumbnails.js";
import { makeTile } from "../grid/tile.js";
import { VirtualGrid } from "../grid/virtual-grid.js";
import { collection } from "../intake/collection.js";
import { makeIntake } from "../intake/intake.js";
import { counted, percent } from "../numbers.js";
import { LABELS } from "../samples.js";
import { registerView } from "../views.js";
import { makeAbout } from "./about.js";
import { makeCounts } from "./counts.js";
import { asCsv, asJson, download } from "./exports.js";
import { makeHeatMap } from "./heat-map.js";
import { hueOf } from "./hues.js";
import { offerSets, readLabelling, showLabelling } from "./labelling.js";
import { arranged } from "./results.js";
import { startRanking } from "./ranking.js";

const SHAPE = { least: 148, gap: 14, caption: 46 };

startGallery();

function startGallery() {
  const section = byId("gallery-view");
  const thumbnails = new Thumbnails();
  const grid = new VirtualGrid("Ranked images", SHAPE, tileOf);
  const open = makeLarge(section, grid, (image) => makeAbout(image, ranking.results));
  const counts = makeCounts(byId("gallery-counts"), (index) => { only = index; arrange(); tellShown(); });
  const map = makeHeatMap(byId("gallery-map"), { thumbnails, open });
  const ranking = startRanking({ begin, update, end });
  const asMap = byId("gallery-as-map");
  let only = null;

  const isMap = () => asMap.getAttribute("aria-pressed") === "true";

  function tileOf(image) {
    const [dot, label, number] = ["dot", "label", "number"].map((name) => make("span", { class: name }));
    const tile = makeTile(image, thumbnails, open);
    tile.button.append(make("span", { class: "caption" }, dot, label, number));
    tile.button.removeAttribute("aria-label"); // the caption is the name
    return { ...tile, update };

    function update() {
      const best = ranking.results.bestOf(image);
      const fault = ranking.results.faultOf(image);
      label.textContent = best ? ranking.results.labels[best.index] : image.name;
      number.textContent = best ? percent(best.probability) : "";
      if (fault) number.textContent = "failed";
      tile.element.classList.toggle("faulty", Boolean(fault));
      tile.element.classList.toggle("ranked", Boolean(best));
      tile.button.title = fault ? `${image.path} ${fault}` : image.path;
      if (best) tile.element.style.setProperty("--hue", hueOf(best.index));
    }
  }

  /** Ranking starts, with these labels. */
  function begin(labels) {
    only = null;
    counts.begin(labels);
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
    const shown = arranged(collection.all, ranking.results, { sort: isRanked ? byId("gallery-sort").value : "name", only });
    byId("gallery-tools").hidden = !isRanked || !collection.size;
    byId("gallery-tiles").hidden = isRanked && isMap();
    map.hidden = !isRanked || !isMap();
    grid.show(shown);
    if (isRanked) map.show(shown, ranking.results);
  }

  function tellShown() {
    const which = only === null ? "All" : `“${ranking.results.labels[only]}”:`;
    byId("gallery-announcement").textContent = `${which} ${counted(grid.items.length, "image")}.`;
  }

  function save(name, type, written) {
    download(name, type, written(arranged(collection.all, ranking.results, { sort: "name", only: null }), ranking.results));
  }

  function suggestLabels() {
    if (!byId("gallery-labels").value.trim()) byId("gallery-labels").value = LABELS.join("\n");
    showLabelling();
  }

  collection.addEventListener("change", () => {
    if (!collection.size) {
      thumbnails.forgetAll();
      ranking.forget();
      counts.clear();
      only = null;
    }
    section.classList.toggle("filled", collection.size > 0);
    arrange();
    if (!section.hidden) ranking.start();
  });
  byId("gallery-sort").addEventListener("change", arrange);
  asMap.addEventListener("click", () => {
    asMap.setAttribute("aria-pressed", String(!isMap()));
    arrange();
  });
  byId("gallery-csv").addEventListener("click", () => save("labels.csv", "text/csv", asCsv));
  byId("gallery-json").addEventListener("click", () => save("labels.json", "application/json", asJson));
  events.addEventListener("key", () => section.hidden || ranking.start());
  byId("gallery-intake").append(makeIntake(section, suggestLabels));
  byId("gallery-tiles").append(grid.element);
  registerView("gallery", {
    title: "Gallery",
    show() {
      offerSets();
      if (readLabelling().labels.length) ranking.start();
    },
  });
}
