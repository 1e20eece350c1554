// When to ask the service while the user edits: soon after the last change, one request at a time, never a storm.

const PAUSE_MS = 250; // after the last change, so that a word can be typed
const MAX_PAUSE_MS = 2000; // a slow service is asked less often
const APART_MS = 350; // between two requests
const MAX_WAIT_S = 30; // if the service names no time
const BUSY = [429, 503];

export class Live {
  #attempt;
  #onWait;
  #timer = 0;
  #running = null;
  #notBefore = 0;
  #tookMs = 0;
  #refusals = 0;
  #pauseMs;

  /**
   * `attempt(signal)` makes a request; it may throw a Problem. `onWait(problem, seconds)` is told that the
   * service is too busy, and after how long the request is repeated.
   */
  constructor(attempt, onWait, pauseMs = PAUSE_MS) {
    this.#pauseMs = pauseMs;
    this.#attempt = attempt;
    this.#onWait = onWait;
    document.addEventListener("visibilitychange", () => this.#timer === null && this.#start());
  }

  /** Whether a request is in flight or to come. */
  get isActive() {
    return this.#running !== null || this.#timer !== 0;
  }

  /** Ask after a pause. A request in flight is out of date: it is cancelled. */
  soon() {
    this.#plan(Math.min(MAX_PAUSE_MS, Math.max(this.#pauseMs, this.#tookMs)));
  }

  /** Ask at once, or as soon as the service allows it. */
  now() {
    this.#plan(0);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#running?.abort();
    this.#running = null;
  }

  #plan(pauseMs) {
    this.stop();
    const wait = Math.max(pauseMs, this.#notBefore - performance.now());
    this.#timer = setTimeout(() => this.#start(), wait);
  }

  async #start() {
    this.#timer = null; // until the page is visible
    if (document.visibilityState === "hidden") return;
    this.#timer = 0;
    const running = new AbortController();
    this.#running = running;
    const started = performance.now();
    this.#notBefore = started + APART_MS;
    try {
      await this.#attempt(running.signal);
      this.#refusals = 0;
      this.#tookMs = performance.now() - started;
    } catch (error) {
      if (!BUSY.includes(error.status)) throw error;
      if (!running.signal.aborted) this.#wait(error);
    } finally {
      if (this.#running === running) this.#running = null;
    }
  }

  #wait(problem) {
    this.#refusals += 1;
    const seconds = Math.max(1, problem.retryAfter ?? Math.min(MAX_WAIT_S, 2 ** this.#refusals));
    this.#notBefore = performance.now() + seconds * 1000;
    this.#timer = setTimeout(() => this.#start(), seconds * 1000);
    this.#onWait(problem, seconds);
  }
}
