// What is known of an image that is opened large.

import { make } from "../dom.js";
import { percent } from "../numbers.js";
import { hueOf } from "./hues.js";

const SHOWN = 12;

export function makeAbout(image, results) {
  const where = make("p", { class: "aside" }, image.path === image.name ? "" : image.path);
  const fault = results.faultOf(image);
  if (fault) return [where, make("p", { class: "fault" }, `It ${fault}.`)];
  const row = results.rowOf(image);
  if (!row) return [where, make("p", {}, "It is not ranked yet.")];
  const best = [...row.keys()].sort((one, other) => row[other] - row[one]).slice(0, SHOWN);
  return [where, make("ol", { class: "bars" }, best.map((index) => makeBar(index, row[index], results.labels[index])))];
}

function makeBar(index, probability, label) {
  const item = make("li", {}, make("span", { class: "name" }, label), make("span", { class: "number" }, percent(probability)));
  item.style.setProperty("--share", probability);
  item.style.setProperty("--hue", hueOf(index));
  return item;
}
