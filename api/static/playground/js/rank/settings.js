// The form's fields other than images, as fields of a request to POST /rank.

import { events, get } from "../api.js";
import { byId, tellFault } from "../dom.js";
import { shortName } from "../numbers.js";

const FIELDS = {
  candidates: "labels", label_set: "label-set", template: "templates", templates: "templates",
  temperature: "temperature", top_k: "top-k", activation: "activation", model: "model",
};
const ADVANCED = ["templates", "temperature", "topK", "activation", "model"];

export const lines = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);

/** `labelSet` is the name of the label set that the labels are, or empty. */
export function readSettings(labelSet) {
  const text = (id) => byId(id).value.trim();
  const number = (id) => (text(id) === "" ? undefined : Number(text(id)));
  return {
    labels: lines(byId("labels").value),
    labelSet,
    templates: lines(byId("templates").value),
    temperature: number("temperature"),
    topK: number("top-k"),
    activation: text("activation"),
    model: text("model"),
  };
}

/** The fields of the request without its queries and without defaults. */
export function asFields(settings) {
  const { labels, labelSet, templates, temperature, topK, activation, model } = settings;
  const fields = labelSet ? { label_set: labelSet } : { candidates: labels.map((text) => ({ text })) };
  if (!labelSet && templates.length === 1) [fields.template] = templates;
  if (!labelSet && templates.length > 1) fields.templates = templates;
  if (temperature !== undefined) fields.temperature = temperature;
  if (topK !== undefined) fields.top_k = topK;
  if (activation) fields.activation = activation;
  if (model) fields.model = model;
  return fields;
}

/** Fill in all but the label set. */
export function fillSettings(settings) {
  const fill = (id, value) => {
    const field = byId(id);
    // Keep a choice that this server does not offer (yet): it can be requested all the same.
    if (field.tagName === "SELECT" && value && ![...field.options].some((each) => each.value === value)) {
      field.add(new Option(value, value));
    }
    field.value = value ?? "";
  };
  fill("labels", settings.labels.join("\n"));
  fill("templates", settings.templates.join("\n"));
  fill("temperature", settings.temperature);
  fill("top-k", settings.topK);
  fill("activation", settings.activation);
  fill("model", settings.model);
  const isSet = (value) => value !== undefined && value.length !== 0;
  if (ADVANCED.some((name) => isSet(settings[name]))) byId("more").open = true;
}

export function forgetFaults() {
  for (const id of new Set(Object.values(FIELDS))) tellFault(byId(id));
}

/** Show a fault beside the field of its pointer. Returns the field, if there is one. */
export function placeFault(pointer, settings, detail) {
  const [, name, index] = pointer.split("/");
  if (!(name in FIELDS)) return null;
  const field = byId(FIELDS[name]);
  const label = name === "candidates" ? settings.labels[Number(index)] : undefined;
  tellFault(field, label === undefined ? capitalised(detail) : `“${label}” ${detail}`);
  if (field.closest("details")) field.closest("details").open = true;
  return field;
}

/** Offer the models of the service; the choice is kept. */
export function startModels() {
  const select = byId("model");
  const load = async () => {
    // Without them the default is used; a ranking will show the error.
    const { models } = await get("models").catch(() => ({ models: [] }));
    const chosen = select.value;
    const known = models.map(({ name, workers }) => [name, `${shortName(name)}${workers ? "" : " (no worker)"}`]);
    const kept = !chosen || models.some(({ name }) => name === chosen) ? [] : [[chosen, chosen]];
    select.replaceChildren(select.options[0], ...[...known, ...kept].map(([name, told]) => new Option(told, name)));
    select.value = chosen;
    const standard = models.find((each) => each.is_default);
    byId("model-told").textContent = standard ? `The default is ${shortName(standard.name)}.` : "";
  };
  events.addEventListener("key", load);
  byId("more").addEventListener("toggle", ({ target }) => target.open && load());
  load();
}

const capitalised = (text) => text.charAt(0).toUpperCase() + text.slice(1);
