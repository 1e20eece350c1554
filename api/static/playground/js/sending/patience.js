// Waits and tries again when the service is busy or away for a while.

const ATTEMPTS = 20;
const WAIT_S = 1;
const MAX_WAIT_S = 60;

const isPassing = ({ status, code }) => [429, 503].includes(status) || code === "offline";

/** What is sent at the same time shares one: if the service asks one to wait, all wait. */
export class Patience {
  #signal;
  #onWait;
  #notBefore = 0;

  /** `onWait(problem, seconds)` is called before each wait. */
  constructor(signal, onWait = () => {}) {
    [this.#signal, this.#onWait] = [signal, onWait];
  }

  /** Call `ask` until it succeeds. Throws its Problem if the service is busy for longer than the user may want to wait. */
  async attempt(ask) {
    for (let attempt = 1; ; attempt += 1) {
      await this.#wait();
      try {
        return await ask();
      } catch (error) {
        const seconds = Math.max(WAIT_S, error.retryAfter ?? WAIT_S * attempt);
        if (!isPassing(error) || seconds > MAX_WAIT_S || attempt === ATTEMPTS) throw error;
        this.#notBefore = Math.max(this.#notBefore, performance.now() + seconds * 1000);
        this.#onWait(error, seconds);
      }
    }
  }

  async #wait() {
    let left = this.#notBefore - performance.now();
    while (left > 0) { // another may be asked to wait longer meanwhile
      await pause(left, this.#signal);
      left = this.#notBefore - performance.now();
    }
  }
}

export const patiently = (ask, signal, onWait) => new Patience(signal, onWait).attempt(ask);

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
