// How fast something counts: images a second, from one look at it to the next.

const SHORTEST_S = 0.1; // a job that took less was answered from the cache: its rate says nothing

export class Rates {
  #seen = new Map(); // id -> {count, at} of the last look

  /** Take counts by id at `now`, in seconds. Returns their growth a second, by id, of those seen before. */
  update(counts, now) {
    const rates = new Map();
    for (const [id, count] of counts) {
      const last = this.#seen.get(id);
      if (last) rates.set(id, Math.max(0, count - last.count) / Math.max(0.001, now - last.at));
    }
    this.#seen = new Map([...counts].map(([id, count]) => [id, { count, at: now }]));
    return rates;
  }
}

/** The images that each running job has done, by id. */
export const doneBy = (jobs) => new Map(jobs.filter(({ status }) => status === "running")
  .map(({ id, progress }) => [id, progress.done + progress.failed]));

/** Images per second of a job that ended, from its start to its end; null if it is not known or says nothing. */
export function averageOf({ progress, started_at: started, finished_at: finished, status }) {
  const seconds = (new Date(finished) - new Date(started)) / 1000;
  return status === "done" && started && seconds >= SHORTEST_S ? progress.total / seconds : null;
}

export function perSecond(rate) {
  if (!rate) return "0 images/s";
  return `${rate >= 10 ? Math.round(rate).toLocaleString("en") : rate.toFixed(1)} images/s`;
}
