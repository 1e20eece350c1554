// The choices that depend on the server: its models and the client's label sets.

import { events, get } from "../api.js";
import { byId } from "../dom.js";
import { counted, shortName } from "../numbers.js";

export function startOffers() {
  events.addEventListener("key", load);
  byId("more").addEventListener("toggle", ({ target }) => target.open && load());
  load();
}

async function load() {
  // Without them the defaults are used; a ranking will show the error.
  const [models, sets] = await Promise.all([
    get("models").catch(() => ({ models: [] })),
    get("label-sets").catch(() => ({ label_sets: [] })),
  ]);
  offer(byId("model"), models.models.map(({ name, is_default: isDefault, workers }) => {
    const notes = [isDefault ? "the default" : "", workers ? "" : "no worker now"].filter(Boolean).join(", ");
    return [name, notes ? `${shortName(name)} (${notes})` : shortName(name)];
  }));
  offer(byId("label-set"), sets.label_sets.map(({ name, count }) => [name, `${name} (${counted(count, "label")})`]));
}

/** Replace all choices except the first, which is none; the selection is kept. */
function offer(select, choices) {
  const chosen = select.value;
  const known = choices.some(([value]) => value === chosen) || !chosen;
  const kept = known ? [] : [[chosen, chosen]];
  const options = [...choices, ...kept].map(([value, words]) => new Option(words, value, false, value === chosen));
  select.replaceChildren(select.options[0], ...options);
  select.value = chosen;
}
