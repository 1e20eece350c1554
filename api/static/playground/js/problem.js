// One class for all errors: those from the server, and failed connections.

import { bytes } from "./numbers.js";

const HINTS = {
  unauthorized: "Enter an API key above.",
  body_too_large: "Send fewer or smaller images at once.",
  queue_full: "The service is busy; try again in a moment.",
  no_worker: "No model is loaded yet; after a start this takes a while.",
  no_memory: "The service ran out of memory; try again in a moment.",
  broker_away: "The operator of the service should check Redis.",
  rate_limited: "You have exceeded the rate limit.",
};

export class Problem extends Error {
  /** `faults` are `{pointer, code, detail}`; `retryAfter` is in seconds, or null. */
  constructor({ title, detail = "", code = "", status = 0, faults = [], retryAfter = null, location = null }) {
    super(title);
    Object.assign(this, { title, code, status, faults, retryAfter, location });
    this.detail = detail === title ? "" : detail;
  }

  get hint() {
    return HINTS[this.code] ?? "";
  }

  static async of(response) {
    const told = await response.json().catch(() => ({}));
    const seconds = Number(response.headers.get("Retry-After") ?? NaN);
    return new Problem({
      title: told.title ?? `The server answered ${response.status}`,
      detail: told.detail,
      code: told.code,
      status: response.status,
      faults: told.errors ?? [],
      retryAfter: Number.isFinite(seconds) ? seconds : null,
      location: response.headers.get("Location"),
    });
  }

  /** Of a job that ended without a result; its document tells why. */
  static ofJob(job) {
    const whole = job.errors.find((fault) => !fault.pointer);
    const code = whole?.code ?? "invalid_request";
    const title = whole?.detail ?? "The request is not valid";
    return new Problem({ title, code, faults: job.errors.filter((fault) => fault.pointer) });
  }

  static offline() {
    const detail = "It may be stopped, or this computer is offline.";
    return new Problem({ title: "The service does not answer", detail, code: "offline" });
  }

  static brokeOff(sent) {
    const title = `The connection ended while ${bytes(sent)} were sent`;
    return new Problem({ title, detail: "The server may have a lower limit.", code: "body_too_large" });
  }
}
