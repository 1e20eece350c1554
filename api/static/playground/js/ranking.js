// Rank images: few at once, many as a job with progress.

import { call, get } from "./api.js";
import { Problem } from "./problem.js";
import { parseTimings, timingsOfJob } from "./timings.js";

export const FEW = 8;
const WAIT_S = 1;
const PASSING = [0, 429, 503]; // 0: no connection
const ATTEMPTS = 30;

/**
 * Resolves to `{result, timings, seconds}`. Calls `onProgress({total, done, failed})` meanwhile.
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
  return { result: job.result, timings: timingsOfJob(job.timings), seconds: seconds() };
}

/** The answer, or the path of its job. */
async function submit(path, body, signal) {
  try {
    const response = await call(path, { method: "POST", json: body, signal });
    if (response.status === 202) return relative(response.headers.get("Location"));
    return { result: await response.json(), timings: parseTimings(response.headers.get("Server-Timing")) };
  } catch (error) {
    if (error.status === 504 && error.location) return relative(error.location); // the job continues
    throw error;
  }
}

async function follow(path, signal, onProgress) {
  try {
    for (;;) {
      const job = await patiently(() => get(`${path}?wait=${WAIT_S}`, { signal }), signal);
      onProgress?.(job.progress);
      if (!["queued", "running"].includes(job.status)) return job;
    }
  } catch (error) {
    if (signal.aborted) await cancel(path);
    throw error;
  }
}

/** The job continues even if it is unreachable for a while: retry. */
async function patiently(ask, signal) {
  for (let left = ATTEMPTS; ; left -= 1) {
    try {
      return await ask();
    } catch (error) {
      if (!PASSING.includes(error.status) || !left) throw error;
      await pause((error.retryAfter ?? WAIT_S) * 1000, signal);
    }
  }
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}

/** The job may have ended meanwhile, which is fine. */
async function cancel(path) {
  await call(`${path}/cancel`, { method: "POST" }).catch(() => null);
}

/** Relative to the page, which a proxy may serve under any path. */
const relative = (location) => `jobs/${location.split("/").pop()}`;
