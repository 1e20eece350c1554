// The sample images to search: all that the page has.

import { pathOf } from "../samples.js";

const NAMES = [
  "cat.png", "pizza.png", "guitar.png", "bicycle.png", "penguin.png", "t-shirt.png", "strawberry.png", "violin.png", "airplane.png",
  "elephant.png", "hamburger.png", "drum.png", "bus.png", "owl.png", "dress.png", "banana.png", "trumpet.png", "sailboat.png",
  "butterfly.png", "carrot.png", "saxophone.png", "locomotive.png", "horse.png", "running-shoe.jpg", "jeans.png", "sunglasses.png",
  "umbrella.png",
];

export const SAMPLE_IMAGES = NAMES.map((name) => ({ name, path: pathOf(name) }));

/** Labels of groups of them, so that there is something to sort. */
export const SAMPLE_LABELS = ["an animal", "something to eat", "a vehicle", "music", "clothes", "an umbrella"];
