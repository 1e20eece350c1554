// Vectors of images and words, from POST /encode, and of which model they are.

import { call, get } from "../api.js";
import { postForm } from "../sending/following.js";
import { unit } from "./scores.js";

const MAX_REMEMBERED = 500;
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
  return (await postForm("encode", form, signal)).map((vector) => ({ value: unit(vector) }));
}

export const isRemembered = (text, model) => remembered.has(`${model} ${text}`);

/** The unit vectors of texts that are remembered. */
export const vectorsOf = (texts, model) => texts.map((text) => remembered.get(`${model} ${text}`));

/** Encode and remember the texts that were not typed before. */
export async function encodeTexts(texts, model, signal) {
  const missing = [...new Set(texts)].filter((text) => !isRemembered(text, model));
  if (!missing.length) return;
  const response = await call("encode", { method: "POST", json: missing.map((text) => ({ text })), signal });
  (await response.json()).forEach((vector, nth) => remembered.set(`${model} ${missing[nth]}`, unit(vector)));
  for (const key of remembered.keys()) {
    if (remembered.size <= MAX_REMEMBERED) break;
    if (!texts.some((text) => key === `${model} ${text}`)) remembered.delete(key);
  }
}
