// What the labels of a label set are.

import { get } from "./api.js";

/** Empty where the set is gone, or has become another than `version` since. */
export async function labelsOf({ name, version }) {
  const found = await get(`label-sets/${encodeURIComponent(name)}`).catch(() => null);
  return found && (version ?? found.version) === found.version ? found.labels : [];
}
