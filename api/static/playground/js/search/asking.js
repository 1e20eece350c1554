// From the query to the order of the images.

import { encodeTexts, isRemembered, vectorsOf } from "./encoding.js";
import { scoresOf, strengths } from "./scores.js";
import { termsOf } from "./terms.js";

export const HOLE = "{}";

/** `{words | image, sign}`s of the field and of the images in the query. */
export function queryOf(text, likes) {
  return [...likes, ...termsOf(text)];
}

const prompts = (query, template) => query.filter(({ words }) => words).map(({ words }) => template.replace(HOLE, () => words));

export const isReady = (query, { model, template }) => prompts(query, template).every((text) => isRemembered(text, model));

/** Encode the words of a query, so that it is ready. */
export const prepare = (query, { model, template, signal }) => encodeTexts(prompts(query, template), model, signal);

/**
 * Order images by a query that is ready: `{images, strengthOf}`, the best first; those without a vector last.
 * `strengthOf` maps an image to how well it stands out, from 0 to 1.
 */
export function order(query, library, template) {
  const texts = vectorsOf(prompts(query, template), library.model);
  const vectors = query.map(({ words, image }) => (words ? texts.shift() : library.vectorOf(image)));
  const terms = query.map(({ sign }, nth) => ({ vector: vectors[nth], sign })).filter(({ vector }) => vector);
  const started = performance.now();
  const known = library.images.filter(library.vectorOf);
  const scores = scoresOf(known.map(library.vectorOf), terms);
  const strong = strengths(scores);
  const strengthOf = new Map(known.map((image, nth) => [image, strong[nth]]));
  const places = [...known.keys()].sort((one, other) => scores[other] - scores[one]);
  const rest = library.images.filter((image) => !strengthOf.has(image));
  return { images: [...places.map((nth) => known[nth]), ...rest], strengthOf, seconds: (performance.now() - started) / 1000 };
}
