// The sample images, and labels for them.

const sample = (id, file) => ({ id, name: file, path: `playground/samples/${file}` });

export const SAMPLES = [
  sample("pizza", "pizza.png"),
  sample("bicycle", "bicycle.png"),
  sample("umbrella", "umbrella.png"),
  sample("t-shirt", "t-shirt.png"),
  sample("guitar", "guitar.png"),
  sample("cat", "cat.png"),
];
export const EXAMPLE = ["pizza", "bicycle", "umbrella"];
export const LABELS = ["pizza", "bicycle", "umbrella", "t-shirt", "guitar", "cat", "elephant", "sunglasses"];
