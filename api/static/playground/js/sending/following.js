// Follows a job to its end, and the job of a request that took too long.

import { call, get } from "../api.js";
import { Problem } from "../problem.js";
import { patiently } from "./patience.js";

const WAIT_S = 1;

/** Resolves to the job's document once it has ended. Calls `onProgress({total, done, failed})` meanwhile. */
export async function follow(location, signal, onProgress = () => {}) {
  const path = relative(location);
  try {
    for (;;) {
      const job = await patiently(() => get(`${path}?wait=${WAIT_S}`, { signal }), signal);
      onProgress(job.progress);
      if (!["queued", "running"].includes(job.status)) return job;
    }
  } catch (error) {
    if (signal.aborted) await cancel(path);
    throw error;
  }
}

/** The answer to a form. If it takes longer than the service waits, its job continues: it is not sent again. */
export async function postForm(path, form, signal) {
  try {
    return await (await call(path, { method: "POST", form, signal })).json();
  } catch (error) {
    if (error.status !== 504 || !error.location) throw error;
    const job = await follow(error.location, signal);
    if (job.status !== "done") throw Problem.ofJob(job);
    return job.result;
  }
}

/** The job may have ended meanwhile, which is fine. */
async function cancel(path) {
  await call(`${path}/cancel`, { method: "POST" }).catch(() => null);
}

/** Relative to the page, which a proxy may serve under any path. */
const relative = (location) => `jobs/${location.split("/").pop()}`;
