// The form's fields other than images, as fields of a request to POST /rank.

import { byId, tellFault } from "../dom.js";

const FIELDS = {
  candidates: "labels", label_set: "label-set", template: "templates", templates: "templates",
  temperature: "temperature", top_k: "top-k", activation: "activation", model: "model",
};

export const lines = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);

export function readSettings() {
  const text = (id) => byId(id).value.trim();
  const number = (id) => (text(id) === "" ? undefined : Number(text(id)));
  return {
    labels: lines(byId("labels").value),
    labelSet: text("label-set"),
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
  fill("label-set", settings.labelSet);
  fill("templates", settings.templates.join("\n"));
  fill("temperature", settings.temperature);
  fill("top-k", settings.topK);
  fill("activation", settings.activation);
  fill("model", settings.model);
  const { templates, temperature, topK, activation, model, labelSet } = settings;
  if (templates.length || temperature !== undefined || topK !== undefined || activation || model || labelSet) {
    byId("more").open = true;
  }
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

const capitalised = (text) => text.charAt(0).toUpperCase() + text.slice(1);
