// Vectors of images and words, from POST /encode, and of which model they are.

import { call, get } from "../api.js";
import { unit } from "./scores.js";

const MOST_REMEMBERED = 500;
const remembered = new Map(); // vectors by model and text

/** The name and revision of the model that encodes. Vectors of two models must not be mixed. */
export async function currentModel() {
  const { models } = await get("models");
  const model = models.find(({ is_default: isDefault }) => isDefault) ?? models[0];
  return model ? `${model.name}@${model.revision ?? ""}` : "";
}

/** `{value}`s with the unit vectors of files. */
export async function encodeFiles(files, signal) {
  const form = new FormData();
  for (const file of files) form.append("image", file, file.name);
  form.append("alpha", "white");
  const response = await call("encode", { method: "POST", form, signal });
  return (await response.json()).map((vector) => ({ value: unit(vector) }));
}

export const isRemembered = (text, model) => remembered.has(`${model} ${text}`);

/** The unit vectors of texts; those that were typed before are remembered. */
export async function encodeTexts(texts, model) {
  const missing = [...new Set(texts)].filter((text) => !isRemembered(text, model));
  if (missing.length) {
    const response = await call("encode", { method: "POST", json: missing.map((text) => ({ text })) });
    (await response.json()).forEach((vector, nth) => remembered.set(`${model} ${missing[nth]}`, unit(vector)));
  }
  const vectors = texts.map((text) => remembered.get(`${model} ${text}`));
  for (const key of remembered.keys()) {
    if (remembered.size <= MOST_REMEMBERED) break;
    remembered.delete(key);
  }
  return vectors;
}
