// Calls of the public HTTP API, and their errors.

import { Problem } from "./problem.js";
import { ofTab } from "./storage.js";

const KEY = "api-key";

export const events = new EventTarget();
export const apiKey = () => ofTab.getItem(KEY) ?? "";

/** Store a key in this tab; refused requests may be retried. */
export function useKey(key) {
  ofTab.setItem(KEY, key);
  events.dispatchEvent(new Event("key"));
}

export const address = (path) => new URL(path, document.baseURI).href;

/**
 * Call the API with `json` or a `form` (FormData). Resolves to the response, whose body is not read yet.
 * Throws a Problem unless the response is a success, and an AbortError if `signal` aborts it.
 */
export async function call(path, { method = "GET", json, form, signal } = {}) {
  const headers = { Accept: "application/json" };
  if (json !== undefined) headers["Content-Type"] = "application/json";
  if (apiKey()) headers["X-API-Key"] = apiKey();
  const body = json === undefined ? form : JSON.stringify(json);
  let response;
  try {
    response = await fetch(address(path), { method, headers, body, signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw await unreachable(form ? sizeOf(form) : body?.length ?? 0);
  }
  if (response.ok) return response;
  if (response.status === 401) {
    events.dispatchEvent(new CustomEvent("unauthorized", { detail: { wasWrong: apiKey() !== "" } }));
  }
  throw await Problem.of(response);
}

export async function get(path, options) {
  return (await call(path, options)).json();
}

const sizeOf = (form) => [...form.values()].reduce((sum, value) => sum + (value.size ?? value.length), 0);

/** A server that refuses a body early may close the connection before all of it was sent. */
async function unreachable(sent) {
  const alive = await fetch(address("healthz"), { cache: "no-store" }).then((r) => r.ok, () => false);
  return alive ? Problem.brokeOff(sent) : Problem.offline();
}
