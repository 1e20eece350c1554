// Shows a problem on the page, with a button to retry after the time that the server names.

import { make } from "./dom.js";

/** Show a Problem in a place; the button calls `again`; without it there is no button. */
export function showTrouble(place, problem, again = null) {
  const listed = problem.faults.slice(0, 10).map((fault) => make("li", {}, fault.told ?? `${fault.pointer} ${fault.detail}`));
  const more = problem.faults.length - listed.length;
  if (more > 0) listed.push(make("li", {}, `and ${more} more`));
  const message = make("div", { role: "alert" },
    make("h3", {}, `${problem.title}.`),
    problem.detail && !listed.length ? make("p", {}, sentence(problem.detail)) : null,
    problem.hint ? make("p", {}, problem.hint) : null,
    listed.length ? make("ul", {}, listed) : null);
  place.replaceChildren(make("div", { class: "trouble" }, message, again ? makeAgain(problem, again) : null));
}

export const clearTrouble = (place) => place.replaceChildren();

/** The countdown is outside the alert, so that screen readers do not announce every second. */
function makeAgain(problem, again) {
  const button = make("button", { type: "button", onclick: again }, "Try again");
  let left = problem.retryAfter ?? 0;
  const count = () => {
    button.disabled = left > 0;
    button.textContent = left > 0 ? `Try again in ${left} s` : "Try again";
    if (left > 0 && (left -= 1) >= 0) setTimeout(() => button.isConnected && count(), 1000);
  };
  count();
  return button;
}

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
