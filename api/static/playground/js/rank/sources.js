// The files and links among the images, for the request as code.

const DEMO = "demo/pictures/";

/** The path of a sample image in the checkout; the file's name for others. */
export function filesOf(images) {
  const files = images.filter((each) => each.kind !== "link");
  return files.map((each) => (each.kind === "sample" ? DEMO + each.name : each.name));
}

export function linksOf(images) {
  return images.filter((each) => each.kind === "link").map((each) => ({ img_uri: each.url }));
}

/** A field of a form: strings unchanged, all else as JSON. */
export const asFormValue = (value) => (typeof value === "string" ? value : JSON.stringify(value));
