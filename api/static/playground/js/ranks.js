// Results, row by row: the labels of an image from the best to the worst, and how their scores are shown.

import { percent } from "./numbers.js";

/** The kind of the numbers that an activation makes: "share", "each" or "raw". */
export const scoresOf = (activation) => ({ none: "raw", sigmoid: "each" })[activation] ?? "share";

/**
 * The labels of row `row` of an answer of POST /rank, the best first, as `{name, score, cosine}`;
 * null if the image failed.
 */
export function ranksOf(result, row, labels) {
  const places = result.ranking ? result.ranking[row] : allPlaces(result, row);
  return places?.map(({ index, probability, cosine_similarity: cosine }) => (
    { name: labels[index] ?? `label ${index + 1}`, score: probability, cosine })) ?? null;
}

function allPlaces({ probabilities, cosine_similarities: cosines }, row) {
  return probabilities[row]
    ?.map((probability, index) => ({ index, probability, cosine_similarity: cosines[row][index] }))
    .sort((one, other) => other.cosine_similarity - one.cosine_similarity);
}

/** The faults of images, by image; other faults are left out. */
export function faultsByQuery({ errors = [] }, images) {
  const told = errors.map(({ pointer, detail }) => [images[pointer.match(/^\/queries\/(\d+)/)?.[1]], detail]);
  return new Map(told.filter(([image]) => image));
}

/** How the numbers of `ranks` are shown: `{told, share}` of a rank, a text and the length of its bar from 0 to 1. */
export function scaleOf(ranks, { scores, isCosine, threshold = 0 }) {
  if (isCosine) {
    const max = Math.max(threshold, ...ranks.map(({ cosine }) => cosine));
    const along = (cosine) => (max > 0 ? Math.max(0, cosine) / max : 0);
    return { told: ({ cosine }) => signed(cosine), share: ({ cosine }) => along(cosine), mark: along(threshold) };
  }
  const along = scores === "raw" ? spread(ranks.map(({ score }) => score)) : (score) => score;
  const told = ({ score }) => (scores === "raw" ? score.toFixed(2) : percent(score));
  return { told, share: ({ score }) => along(score) };
}

/** A cosine similarity, with a minus sign that is as wide as a digit. */
export const signed = (cosine) => cosine.toFixed(3).replace("-", "−");

function spread(values) {
  const [min, max] = [Math.min(...values), Math.max(...values)];
  return (value) => (max > min ? (value - min) / (max - min) : 1);
}
