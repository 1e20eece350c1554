// What this tab remembers of its jobs, because a job's document has no images.

import { ofTab } from "./storage.js";

const KEY = "jobs";
const MAX_JOBS = 50;

const all = () => new Map(JSON.parse(ofTab.getItem(KEY) ?? "[]"));

export function remember(job, images, settings) {
  const told = { labels: settings.labels, activation: settings.activation, images: images.map(shown) };
  const jobs = [...all(), [job, told]].slice(-MAX_JOBS);
  try {
    ofTab.setItem(KEY, JSON.stringify(jobs));
  } catch {
    ofTab.removeItem(KEY); // full: this is only a convenience
  }
}

/** `{labels, activation, images}` of a job; undefined for jobs that were made elsewhere. */
export const recall = (job) => all().get(job);

/** Of an upload only the name is kept. */
const shown = ({ kind, name, url, source }) => (kind === "file" ? { name } : { name, url, source });
