// What this tab knows of the jobs it made: a job's document tells neither its labels nor its images.

const KEY = "jobs";
const MOST = 50;

const all = () => new Map(JSON.parse(sessionStorage.getItem(KEY) ?? "[]"));

export function remember(job, images, settings) {
  const told = { labels: settings.labels, activation: settings.activation, images: images.map(shown) };
  const jobs = [...all(), [job, told]].slice(-MOST);
  try {
    sessionStorage.setItem(KEY, JSON.stringify(jobs));
  } catch {
    sessionStorage.removeItem(KEY); // full: it is a convenience, no more
  }
}

/** `{labels, activation, images}` of a job, or undefined of one that was made elsewhere. */
export const recall = (job) => all().get(job);

/** An upload is a name only: its bytes are gone with the page. */
const shown = ({ kind, name, url, source }) => (kind === "file" ? { name } : { name, url, source });
