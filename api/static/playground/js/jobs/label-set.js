// The labels of a label set.

import { get } from "../api.js";

/** Empty if the set is gone, or has another version now. */
export async function labelsOf({ name, version }) {
  const found = await get(`label-sets/${encodeURIComponent(name)}`).catch(() => null);
  return found && (version ?? found.version) === found.version ? found.labels : [];
}
