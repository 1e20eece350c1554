// When to look at what changes: every two seconds, less often while nothing happens, and never before the time
// that the service names.

import { Problem } from "../problem.js";

const PERIOD_MS = 2000;
const MAX_PERIOD_MS = 16_000;
const QUIET_LOOKS = 3; // after so many without a change, each period is twice as long as the last

export class Polling {
  #look;
  #onProblem;
  #isOn = false;
  #timer = 0;
  #turn = 0;
  #quiet = 0;
  #notBefore = 0;

  /** `look()` resolves to whether something is going on. If it throws a Problem, `onProblem(problem)` is called. */
  constructor(look, onProblem) {
    [this.#look, this.#onProblem] = [look, onProblem];
    document.addEventListener("visibilitychange", () => this.now());
  }

  start() {
    this.#isOn = true;
    return this.now();
  }

  stop() {
    this.#isOn = false;
    clearTimeout(this.#timer);
  }

  /** Look now, because the user did something; or as soon as the service allows it. */
  async now() {
    this.#quiet = 0;
    await this.#run();
  }

  async #run() {
    clearTimeout(this.#timer);
    if (!this.#isOn || document.visibilityState !== "visible") return;
    const mine = this.#turn += 1;
    if (this.#notBefore > performance.now()) return this.#plan(0);
    const isAllowed = await this.#attempt();
    if (mine === this.#turn && this.#isOn && isAllowed) this.#plan(this.#period());
  }

  /** Returns whether it may be repeated; without a key it is of no use. */
  async #attempt() {
    try {
      this.#quiet = (await this.#look()) ? 0 : this.#quiet + 1;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#quiet += 1;
      this.#notBefore = performance.now() + (error.retryAfter ?? 0) * 1000;
      this.#onProblem(error);
      return error.status !== 401;
    }
    return true;
  }

  #period() {
    return Math.min(MAX_PERIOD_MS, PERIOD_MS * 2 ** Math.max(0, this.#quiet - QUIET_LOOKS));
  }

  #plan(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#run(), Math.max(ms, this.#notBefore - performance.now()));
  }
}
