// A card for each image of a job: the image, and its best labels as bars.

import { make } from "../dom.js";
import { counted } from "../numbers.js";
import { preview } from "../preview.js";
import { faultsByQuery, ranksOf, scaleOf, signed } from "../ranks.js";

const BEST = 3;
const PAGE = 24;

/**
 * Show cards in a place, a page at a time. `images` have a name and an optional source; `result` is the
 * answer of POST /rank; `scores` is the kind of its numbers, as of scoresOf().
 */
export function showCards(place, images, labels, result, scores) {
  const faults = faultsByQuery(result, images);
  const list = make("ul", { class: "cards" });
  const more = make("button", { type: "button", onclick: () => show(true) });
  function show(isAsked) {
    const from = list.children.length;
    const next = images.slice(from, from + PAGE);
    list.append(...next.map((image, nth) =>
      makeCard(image, ranksOf(result, from + nth, labels), scores, faults.get(image))));
    const left = images.length - list.children.length;
    more.textContent = `Show ${counted(Math.min(left, PAGE), "more image")} of ${left.toLocaleString("en")}`;
    more.hidden = left === 0;
    if (isAsked) list.children[from].querySelector("h3").focus();
  }
  show(false);
  place.append(list, more);
}

function makeCard(image, ranks, scores, fault) {
  return make("li", { class: ranks ? "card" : "card faulty" },
    image.source ? preview(image, 96) : null,
    make("div", {},
      make("h3", { tabindex: "-1", title: image.url ?? image.name }, image.name),
      ranks ? makeBars(ranks, scores) : make("p", { class: "fault" }, `It ${fault ?? "could not be ranked"}.`)));
}

function makeBars(ranks, scores) {
  const { told, share } = scaleOf(ranks, { scores, isCosine: false });
  return make("ol", {}, ranks.slice(0, BEST).map((rank) => {
    const bar = make("span", { class: "bar", "aria-hidden": "true" });
    bar.style.setProperty("--share", share(rank));
    return make("li", {},
      make("span", { class: "label" }, rank.name),
      make("span", { class: "score", title: `cosine similarity ${signed(rank.cosine)}` }, told(rank)), bar);
  }));
}
