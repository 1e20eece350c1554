// Similarities of vectors, and the order that they give.

const MINUS = 0.8; // what is wanted counts more than what is not

export function unit(numbers) {
  const vector = Float32Array.from(numbers);
  const length = Math.hypot(...vector) || 1;
  return vector.map((each) => each / length);
}

export function dot(one, other) {
  let sum = 0;
  for (let nth = 0; nth < one.length; nth += 1) sum += one[nth] * other[nth];
  return sum;
}

/**
 * A score for each of `vectors` by `terms` of {vector, sign}. Cosines of texts and of images have
 * other ranges, so that each term counts in standard deviations of all images.
 */
export function scoresOf(vectors, terms) {
  const sums = new Float32Array(vectors.length);
  for (const { vector, sign } of terms) {
    const cosines = vectors.map((each) => dot(each, vector));
    const { mean, deviation } = spread(cosines);
    const weight = sign > 0 ? 1 : -MINUS;
    cosines.forEach((cosine, nth) => { sums[nth] += weight * (cosine - mean) / deviation; });
  }
  return sums;
}

/** How well each score stands out, from 0 (average or less) to 1 (the best). */
export function strengths(scores) {
  const best = scores.reduce((max, each) => Math.max(max, each), 0);
  return Array.from(scores, (score) => (best > 0 ? Math.max(0, score / best) : 0));
}

function spread(values) {
  const mean = values.reduce((sum, each) => sum + each, 0) / Math.max(1, values.length);
  const variance = values.reduce((sum, each) => sum + (each - mean) ** 2, 0) / Math.max(1, values.length);
  return { mean, deviation: Math.sqrt(variance) || 1 };
}
