// What a request by hand is made of: the files and the links among the images.

const DEMO = "demo/pictures/";

/** Sample images lie in the checkout, others wherever they were taken from. */
export function filesOf(images) {
  const files = images.filter((each) => each.kind !== "link");
  return files.map((each) => (each.kind === "sample" ? DEMO + each.name : each.name));
}

export function linksOf(images) {
  return images.filter((each) => each.kind === "link").map((each) => ({ img_uri: each.url }));
}

/** A field of a form: words as they are, all else as JSON. */
export const asFormValue = (value) => (typeof value === "string" ? value : JSON.stringify(value));
