// Rank images: few at once, many as a job with progress.

import { call } from "../api.js";
import { Problem } from "../problem.js";
import { follow } from "../sending/following.js";
import { parseTimings, timingsOfJob } from "../timings.js";

export const FEW = 8;

/**
 * Resolves to `{result, timings, seconds, labelSet}`; `labelSet` is `name@version` or null.
 * Calls `onProgress({total, done, failed})` and `onJob(id)` meanwhile.
 * Throws a Problem; an AbortError after `signal`, which also cancels the job.
 */
export async function rank(body, { signal, onProgress, onJob }) {
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const path = body.queries.length > FEW ? "rank?wait=0" : "rank";
  const location = await submit(path, body, signal);
  if (typeof location !== "string") return { ...location, seconds: seconds() };
  onJob?.(location.split("/").pop());
  const job = await follow(location, signal, onProgress);
  if (job.status !== "done") throw Problem.ofJob(job);
  const labelSet = job.label_set ? `${job.label_set.name}@${job.label_set.version}` : null;
  return { result: job.result, timings: timingsOfJob(job.timings), seconds: seconds(), labelSet };
}

/** The answer, or the location of its job. */
async function submit(path, body, signal) {
  try {
    const response = await call(path, { method: "POST", json: body, signal });
    if (response.status === 202) return response.headers.get("Location");
    const { headers } = response;
    const timings = parseTimings(headers.get("Server-Timing"));
    return { result: await response.json(), timings, labelSet: headers.get("X-Label-Set") };
  } catch (error) {
    if (error.status === 504 && error.location) return error.location; // the job continues
    throw error;
  }
}
