// What is known of each image: a probability for each label, or why there is none.

export class Results {
  #rows = new Map(); // by image
  #faults = new Map(); // by image

  constructor(labels = []) {
    this.labels = labels;
  }

  add(image, { value, fault }) {
    if (fault) this.#faults.set(image, fault);
    else this.#rows.set(image, value);
  }

  has = (image) => this.#rows.has(image) || this.#faults.has(image);

  rowOf = (image) => this.#rows.get(image);

  faultOf = (image) => this.#faults.get(image);

  /** `{index, probability}` of the best label; undefined if the image is not ranked. */
  bestOf(image) {
    const row = this.#rows.get(image);
    if (!row) return undefined;
    const index = row.reduce((best, each, nth) => (each > row[best] ? nth : best), 0);
    return { index, probability: row[index] };
  }

  /** How many of the images have each label as their best. */
  countsOf(images) {
    const counts = this.labels.map(() => 0);
    for (const image of images) {
      const best = this.bestOf(image);
      if (best) counts[best.index] += 1;
    }
    return counts;
  }

  failuresOf(images) {
    return images.filter((image) => this.#faults.has(image)).map((image) => ({ image, fault: this.#faults.get(image) }));
  }
}

const byName = (one, other) => one.path.localeCompare(other.path, "en", { numeric: true });

/** The images in the order of `sort`, only those with the best label `only` unless it is null. */
export function arranged(images, results, { sort, only }) {
  const best = new Map(images.map((image) => [image, results.bestOf(image)]));
  const place = (image) => best.get(image)?.index ?? Infinity;
  const sure = (image) => best.get(image)?.probability ?? -1;
  const orders = {
    label: (one, other) => place(one) - place(other) || sure(other) - sure(one) || byName(one, other),
    sure: (one, other) => sure(other) - sure(one) || byName(one, other),
    unsure: (one, other) => !best.get(one) - !best.get(other) || sure(one) - sure(other) || byName(one, other),
    name: byName,
  };
  const shown = only === null ? [...images] : images.filter((image) => place(image) === only);
  return shown.sort((one, other) => orders[sort](one, other) || 0);
}
