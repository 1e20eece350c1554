// The labels of the selected image: the winner large, the runner-up below it, the rest folded.

import { byId, make } from "../dom.js";
import { counted } from "../numbers.js";
import { scaleOf, signed } from "../ranks.js";

const LONG = 18;

/**
 * `ranks` come from ranksOf(); `how` is `{scores, isCosine, threshold}`. A threshold of 0 is none.
 * Returns the words for screen readers.
 */
export function showVerdict(ranks, how) {
  const { told, share, mark } = scaleOf(ranks, how);
  const row = (rank, kind) => {
    const bar = make("span", { class: "bar", "aria-hidden": "true" });
    bar.style.setProperty("--share", share(rank));
    if (how.isCosine && how.threshold) bar.append(markAt(mark));
    return make("li", { class: kind },
      make("span", { class: "label" }, rank.name),
      make("span", { class: "score" }, told(rank)), bar);
  };
  const none = isNone(ranks, how.threshold);
  const [first, second, ...rest] = ranks;
  const top = none
    ? [
      make("li", { class: "winner unfit" }, make("span", { class: "label" }, "none of these")),
      row(first, "runner-up"),
    ]
    : [row(first, "winner"), ...(second ? [row(second, "runner-up")] : [])];
  if (!none && first.name.length > LONG) top[0].classList.add("long");
  byId("verdict").replaceChildren(make("ol", { "aria-label": "Labels that fit best" }, top));
  showRest((none ? ranks.slice(1) : rest).map((rank) => row(rank, "other")));
  byId("outcome-title").textContent = none ? "Below the threshold" : titleOf(ranks.length);
  byId("echo").textContent = none ? "none of these" : `${first.name} ${told(first)}`;
  if (none) return `none of these; the closest is ${first.name}, cosine similarity ${signed(first.cosine)}`;
  return `${first.name} ${told(first)}${second ? `, then ${second.name} ${told(second)}` : ""}`;
}

/** Whether no label reaches the threshold of cosine similarity. */
export const isNone = ([first], threshold) => threshold > 0 && first.cosine < threshold;

/** Show `words` in place of labels. Returns them. */
export function clearVerdict(words) {
  byId("outcome-title").textContent = "Results";
  byId("echo").textContent = "";
  byId("verdict").replaceChildren(...(words ? [make("p", { class: "nothing" }, words)] : []));
  showRest([]);
  return words;
}

/** The list stays open or folded while its rows change. */
function showRest(rows) {
  const rest = byId("rest");
  rest.hidden = !rows.length;
  rest.querySelector("summary").textContent = counted(rows.length, "more label");
  rest.querySelector("ol").replaceChildren(...rows);
}

function markAt(place) {
  const mark = make("span", { class: "mark" });
  mark.style.setProperty("--place", place);
  return mark;
}

function titleOf(count) {
  return count > 1 ? `Best of ${counted(count, "label")}` : "The only label: add another to compare";
}
