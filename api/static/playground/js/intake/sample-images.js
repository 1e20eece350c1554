// The sample images to search: all that the page has.

const NAMES = [
  "cat.png", "pizza.png", "guitar.png", "bicycle.png", "umbrella.png", "elephant.png",
  "t-shirt.png", "sunglasses.png", "dress.png", "jeans.png", "running-shoe.jpg",
];

export const SAMPLE_IMAGES = NAMES.map((name) => ({ name, path: `playground/samples/${name}` }));

/** What they show, as labels. */
export const SAMPLE_LABELS = NAMES.map((name) => name.replace(/\.\w+$/, "").replaceAll("-", " ").replace("t shirt", "t-shirt"));
