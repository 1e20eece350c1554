// A table of images and labels: the more probable, the darker. Only the rows in view are in the page.

import { make } from "../dom.js";
import { showSmall } from "../grid/tile.js";
import { percent } from "../numbers.js";

const ROW = 30; // pixels, as in gallery.css
const AROUND = 10; // rows
const MAX_COLUMNS = 60;

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
  const rows = new Map(); // by image, those in the page
  let columns = []; // indices of labels

  function show(shown, of) {
    [images, results] = [shown, of];
    columns = columnsOf(images, results);
    const names = columns.map((index) => results.labels[index])
      .map((label) => make("th", { scope: "col" }, make("span", { title: label }, label)));
    head.replaceChildren(make("th", { scope: "col" }, "Image"), ...names);
    table.setAttribute("aria-rowcount", images.length + 1);
    table.style.setProperty("--columns", columns.length);
    const focused = focusedImage();
    forgetRows([...rows.keys()]);
    render(focused);
    rows.get(focused)?.button.focus({ preventScroll: true });
  }

  const focusedImage = () => [...rows].find(([, { element }]) => element.contains(document.activeElement))?.[0];

  function forgetRows(gone) {
    for (const image of gone) {
      rows.get(image).release();
      rows.delete(image);
    }
  }

  /** Rows that stay in view stay in the page, and so does the focused one, so that it keeps the focus. */
  function render(focused = focusedImage()) {
    frame = 0;
    if (scroller.hidden) return;
    const first = Math.max(0, Math.floor(scroller.scrollTop / ROW) - AROUND);
    const last = Math.min(images.length, Math.ceil((scroller.scrollTop + scroller.clientHeight) / ROW) + AROUND);
    const wanted = images.slice(first, last).map((image, nth) => [image, first + nth]);
    const place = images.indexOf(focused);
    if (place >= last) wanted.push([focused, place]);
    else if (place >= 0 && place < first) wanted.unshift([focused, place]);
    const kept = new Map(wanted);
    forgetRows([...rows.keys()].filter((image) => !kept.has(image)));
    for (const [image, index] of wanted) {
      if (!rows.has(image)) rows.set(image, makeRow(image, index));
    }
    arrange(body, withSpacers(wanted.map(([image, index]) => [rows.get(image).element, index]), images.length));
  }

  function makeRow(image, index) {
    const small = make("span", { class: "small" });
    const release = showSmall(image, small, thumbnails);
    const name = make("span", { class: "name" }, image.name);
    const button = make("button", { type: "button", onclick: () => open(image), title: image.path }, small, name);
    const row = results.rowOf(image);
    const cells = row ? columns.map((each) => makeCell(row[each], results.labels[each]))
      : [make("td", { class: "fault", colspan: columns.length }, results.faultOf(image) ?? "")];
    const element = make("tr", { "aria-rowindex": index + 2 }, make("th", { scope: "row" }, button), cells);
    return { element, button, release };
  }

  scroller.addEventListener("scroll", () => { frame ||= requestAnimationFrame(() => render()); }, { passive: true });
  new ResizeObserver(() => render()).observe(scroller);
  return {
    show,
    set hidden(is) { scroller.hidden = is; },
  };
}

/** `rows` are [element, index]es in order; the others take their room as spacers. */
function withSpacers(rows, count) {
  const elements = [];
  let next = 0;
  for (const [element, index] of rows) {
    if (index > next) elements.push(spacer(index - next));
    elements.push(element);
    next = index + 1;
  }
  return [...elements, spacer(count - next)];
}

/** Replace the children without moving the one that has the focus: it would lose it. */
function arrange(parent, children) {
  const focused = children.findIndex((each) => each.contains(document.activeElement));
  if (focused < 0) return parent.replaceChildren(...children);
  for (const each of [...parent.children]) {
    if (each !== children[focused]) each.remove();
  }
  children[focused].before(...children.slice(0, focused));
  children[focused].after(...children.slice(focused + 1));
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
  if (all.length <= MAX_COLUMNS) return all;
  const counts = results.countsOf(images);
  return all.filter((index) => counts[index] > 0).slice(0, MAX_COLUMNS);
}
