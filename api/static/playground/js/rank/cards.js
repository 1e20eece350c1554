// A card for each image: the image, and its labels as bars, the most probable first.

import { make } from "../dom.js";
import { faultsByQuery } from "./faults.js";
import { percent } from "../numbers.js";
import { preview } from "./thumbs.js";

const SHOWN = 5;

/**
 * `images` have a name and an optional source; `result` is the answer of POST /rank;
 * `scores` is the kind of its numbers: "share", "each" or "raw".
 */
export function makeCards(images, labels, result, scores) {
  const faults = faultsByQuery(result, images);
  return images.map((image, row) => {
    const places = placesOf(result, row);
    return makeCard(image, places, { labels, scores, fault: faults.get(image) });
  });
}

/** The labels of a row: as the server ranked them, or all, the most probable first. */
function placesOf(result, row) {
  if (result.ranking) return result.ranking[row];
  const cosines = result.cosine_similarities[row];
  return result.probabilities[row]
    ?.map((probability, index) => ({ index, probability, cosine_similarity: cosines[index] }))
    .sort((one, other) => other.cosine_similarity - one.cosine_similarity);
}

function makeCard(image, places, { labels, scores, fault }) {
  const head = make("header", {},
    image.source ? preview(image, 160) : null,
    make("h3", { title: image.url ?? image.name }, image.name));
  if (!places) {
    return make("article", { class: "card faulty" }, head,
      make("p", { class: "fault" }, `It ${fault ?? "could not be ranked"}.`));
  }
  return make("article", { class: "card" }, head, makeBars(places, labels, scores));
}

function makeBars(places, labels, scores) {
  const range = rangeOf(places, scores);
  const rows = places.map((place, nth) => {
    const name = labels[place.index] ?? `label ${place.index + 1}`;
    const bar = make("span", { class: "bar", "aria-hidden": "true" });
    bar.style.setProperty("--share", range(place.probability));
    const told = scores === "raw" ? place.probability.toFixed(2) : percent(place.probability);
    return make("li", { class: nth === 0 ? "first" : null, hidden: nth >= SHOWN },
      make("span", { class: "label" }, name),
      make("span", { class: "score", title: `cosine similarity ${place.cosine_similarity.toFixed(3)}` }, told),
      bar);
  });
  const list = make("ol", {}, rows);
  return rows.length > SHOWN ? [list, makeShowAll(rows)] : [list];
}

/** The length of a bar, from 0 to 1; raw scores are scaled to the range of their row. */
function rangeOf(places, scores) {
  if (scores !== "raw") return (score) => score;
  const all = places.map((place) => place.probability);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  return (score) => (most > least ? (score - least) / (most - least) : 1);
}

function makeShowAll(rows) {
  const button = make("button", { type: "button", class: "quiet" }, `Show all ${rows.length}`);
  button.addEventListener("click", () => {
    const [next] = rows.filter((row) => row.hidden);
    rows.forEach((row) => { row.hidden = false; });
    button.remove();
    next.tabIndex = -1;
    next.focus();
  });
  return button;
}
