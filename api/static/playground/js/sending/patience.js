// Waits and tries again when the service is busy or away for a while.

// 0: no connection. After 504 the job continues, and the cache has its embeddings.
const PASSING = [0, 429, 503, 504];
const ATTEMPTS = 20;
const WAIT_S = 1;
const MOST_S = 60;

/** Call `ask` until it succeeds. `onWait(problem, seconds)` is called before each wait. */
export async function patiently(ask, signal, onWait = () => {}) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!PASSING.includes(error.status) || error.code === "body_too_large" || attempt === ATTEMPTS) throw error;
      const seconds = Math.min(MOST_S, error.retryAfter ?? WAIT_S * attempt);
      onWait(error, seconds);
      await pause(seconds * 1000, signal);
    }
  }
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal.throwIfAborted();
    signal.addEventListener("abort", stop, { once: true });
  });
}
