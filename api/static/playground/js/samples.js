// The sample images, and their names as labels.

/** Beside the scripts: of the same version. */
export const pathOf = (name) => new URL(`../samples/${name}`, import.meta.url).href;

const sample = (id, kind = "png") => {
  const name = `${id}.${kind}`;
  return { id, name, label: id.replace("running-", "running "), path: pathOf(name) };
};

export const SAMPLES = [
  sample("cat"),
  sample("t-shirt"),
  sample("pizza"),
  sample("bicycle"),
  sample("elephant"),
  sample("guitar"),
  sample("dress"),
  sample("umbrella"),
  sample("running-shoe", "jpg"),
  sample("sunglasses"),
  sample("jeans"),
];
export const EXAMPLE = "cat";
export const LABELS = SAMPLES.map(({ label }) => label);
