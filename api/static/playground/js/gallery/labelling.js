// The labels of the gallery: typed, or those of a label set.

import { get } from "../api.js";
import { byId } from "../dom.js";
import { counted } from "../numbers.js";

export const linesOf = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);

/** `{labels, set, template}` of the form as it is. */
export function readLabelling() {
  return {
    labels: linesOf(byId("gallery-labels").value),
    set: byId("gallery-set").value,
    template: byId("gallery-template").value.trim(),
  };
}

export const isComplete = ({ labels, set }) => labels.length > 0 || set !== "";

export const areSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** The fields of a form for POST /rank, without its images. */
export function fieldsOf({ labels, set, template }) {
  const fields = { allow_partial: "true", alpha: "white" };
  if (set) return { ...fields, label_set: set };
  if (template) fields.template = template;
  return { ...fields, candidates: JSON.stringify(labels.map((text) => ({ text }))) };
}

/** The names of the labels, in the order of the answer's columns. */
export async function namesOf({ labels, set }) {
  if (!set) return labels;
  return (await get(`label-sets/${encodeURIComponent(set)}`)).labels.map((label, nth) => label ?? `label ${nth + 1}`);
}

/** Offer the sets of the server; the choice is kept. */
export async function offerSets() {
  const select = byId("gallery-set");
  const { label_sets: sets } = await get("label-sets").catch(() => ({ label_sets: [] }));
  const options = sets.map(({ name, count }) => new Option(`${name} (${counted(count, "label")})`, name, false, name === select.value));
  select.replaceChildren(select.options[0], ...options);
}

/** Of a set neither the labels above nor the template count. */
export function showLabelling() {
  const { labels, set } = readLabelling();
  byId("gallery-labels").disabled = set !== "";
  byId("gallery-template").disabled = set !== "";
  byId("gallery-labels-told").textContent = labels.length ? `${counted(labels.length, "label")}, one per line.` : "One per line.";
}
