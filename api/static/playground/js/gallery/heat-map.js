// A table of images and labels: the more probable, the darker. Only the rows in view are in the page.

import { make } from "../dom.js";
import { showSmall } from "../grid/tile.js";
import { percent } from "../numbers.js";

const ROW = 30; // pixels, as in gallery.css
const AROUND = 10; // rows
const MOST_COLUMNS = 60;

export function makeHeatMap(place, { thumbnails, open }) {
  const head = make("tr", { "aria-rowindex": "1" });
  const body = make("tbody");
  const table = make("table", { class: "heat" }, make("caption", { class: "unseen" }, "Probabilities of each label for each image"),
    make("thead", {}, head), body);
  const scroller = make("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "Heat map", hidden: true }, table);
  place.append(scroller);
  let images = [];
  let results = null;
  let frame = 0;
  let releases = [];
  let columns = []; // indices of labels

  function show(shown, of) {
    [images, results] = [shown, of];
    columns = columnsOf(images, results);
    const names = columns.map((index) => results.labels[index])
      .map((label) => make("th", { scope: "col" }, make("span", { title: label }, label)));
    head.replaceChildren(make("th", { scope: "col" }, "Image"), ...names);
    table.setAttribute("aria-rowcount", images.length + 1);
    table.style.setProperty("--columns", columns.length);
    render();
  }

  function render() {
    frame = 0;
    if (scroller.hidden) return;
    const first = Math.max(0, Math.floor(scroller.scrollTop / ROW) - AROUND);
    const last = Math.min(images.length, Math.ceil((scroller.scrollTop + scroller.clientHeight) / ROW) + AROUND);
    releases.forEach((release) => release());
    releases = [];
    const rows = images.slice(first, last).map((image, nth) => makeRow(image, first + nth));
    body.replaceChildren(spacer(first), ...rows, spacer(images.length - last));
  }

  function makeRow(image, index) {
    const small = make("span", { class: "small" });
    releases.push(showSmall(image, small, thumbnails));
    const name = make("span", { class: "name" }, image.name);
    const button = make("button", { type: "button", onclick: () => open(image), title: image.path }, small, name);
    const row = results.rowOf(image);
    const cells = row ? columns.map((index) => makeCell(row[index], results.labels[index]))
      : [make("td", { class: "fault", colspan: columns.length }, results.faultOf(image) ?? "")];
    return make("tr", { "aria-rowindex": index + 2 }, make("th", { scope: "row" }, button), cells);
  }

  scroller.addEventListener("scroll", () => { frame ||= requestAnimationFrame(render); }, { passive: true });
  new ResizeObserver(render).observe(scroller);
  return {
    show,
    set hidden(is) { scroller.hidden = is; },
  };
}

function spacer(rows) {
  const row = make("tr", { "aria-hidden": "true", hidden: rows <= 0 });
  row.style.height = `${rows * ROW}px`;
  return row;
}

function makeCell(probability, label) {
  const cell = make("td", { title: `${label}: ${percent(probability)}` }, make("span", { class: "unseen" }, percent(probability)));
  cell.style.setProperty("--heat", probability);
  return cell;
}

/** All labels, or of very many those that are the best of an image. */
function columnsOf(images, results) {
  const all = [...results.labels.keys()];
  if (all.length <= MOST_COLUMNS) return all;
  const counts = results.countsOf(images);
  return all.filter((index) => counts[index] > 0).slice(0, MOST_COLUMNS);
}
