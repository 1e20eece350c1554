// From the form and the images to an answer: as the user edits, or as a job for many images.

import { events } from "../api.js";
import { byId, tellFault } from "../dom.js";
import { asItem } from "../images.js";
import { counted } from "../numbers.js";
import { Problem } from "../problem.js";
import { faultsByQuery } from "../ranks.js";
import { remember } from "../remembered.js";
import { Live } from "../sending/live.js";
import { FEW, rank } from "./ranking.js";
import { asFields, forgetFaults, lines, placeFault, readSettings } from "./settings.js";

const LIVE_BYTES = 4e6; // larger uploads are not repeated for each word

export class Asking {
  #images;
  #sets;
  #outcome;
  #answered = null; // the request whose answer is shown
  #job = null; // aborts the job that runs
  #wantsKey = false;
  #wasActive = false;
  #isHeld = false;
  #items = new WeakMap(); // images as they are sent, while the user types
  #live = new Live((signal) => this.#ask(signal), (problem, seconds) => this.#wait(problem, seconds));

  constructor(images, sets, outcome) {
    [this.#images, this.#sets, this.#outcome] = [images, sets, outcome];
    byId("asking").addEventListener("input", ({ target }) => target.id !== "set-name" && this.changed());
    byId("asking").addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    byId("labels").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.submit();
    });
    let chosen = [];
    images.addEventListener("change", () => {
      const isSame = chosen.length === images.all.length && images.all.every(({ id }, nth) => id === chosen[nth]);
      chosen = images.all.map(({ id }) => id);
      if (!isSame) this.changed();
    });
    sets.addEventListener("load", () => this.changed());
    events.addEventListener("key", () => this.#wantsKey && this.submit());
  }

  /** Something in the form changed: rank soon, or say that the results are out of date. */
  changed() {
    this.#isHeld = false;
    countLabels();
    this.#sets.tell();
    forgetFaults();
    tellFault(byId("link"));
    if (this.#job) return;
    this.#live.stop();
    const request = this.#read();
    const isReady = request.images.length > 0 && request.settings.labels.length > 0;
    if (this.#answered?.key === request.key) this.#outcome.fresh();
    else if (!isReady) this.#outcome.stale(request.images.length ? "Type a label" : "Choose an image");
    else if (isLive(request)) {
      this.#outcome.stale("Updating…", { isBusy: true });
      this.#live.soon();
    } else this.#outcome.stale("Press Rank");
  }

  /** Rank now, and say what is missing. */
  submit() {
    if (this.#job) return;
    const request = this.#read();
    forgetFaults();
    if (!check(request)) return;
    this.#live.stop();
    if (request.images.length > FEW) this.#askAsJob(request);
    else this.#live.now();
  }

  /** Another view is shown: send nothing meanwhile. */
  leave() {
    this.#wasActive = this.#live.isActive;
    this.#live.stop();
  }

  comeBack() {
    if (this.#wasActive) this.changed();
    this.#wasActive = false;
  }

  /** Send nothing until the user changes something or presses Rank. */
  hold() {
    this.#isHeld = true;
    this.#wantsKey = false;
    this.#live.stop();
    if (this.#images.all.length) this.#outcome.stale("Press Rank");
  }

  /** Forget the answer: the form was emptied, or filled by a link. */
  reset() {
    this.#live.stop();
    this.#job?.abort();
    this.#answered = null;
    this.#outcome.reset();
    forgetFaults();
    countLabels();
    this.#sets.tell();
  }

  #read() {
    const set = this.#sets.used;
    const settings = readSettings(set?.name ?? "");
    const images = this.#images.all;
    const fields = { ...asFields(settings), alpha: "white", ...(images.length > 1 ? { allow_partial: true } : {}) };
    const key = JSON.stringify([fields, set?.version, images.map(({ id }) => id)]);
    return { images, settings, fields, key, set };
  }

  async #ask(signal) {
    const request = this.#read();
    await this.#send(request, signal, () => this.#cancel());
  }

  async #askAsJob(request) {
    this.#job = new AbortController();
    byId("rank").disabled = true;
    try {
      await this.#send(request, this.#job.signal, () => this.#job?.abort());
    } catch (error) {
      this.#fail(request, error); // too many requests
    } finally {
      this.#job = null;
      byId("rank").disabled = false;
      if (!this.#isHeld && this.#read().key !== request.key) this.changed();
    }
  }

  async #send(request, signal, onCancel) {
    const { images, fields, settings } = request;
    const isJob = images.length > FEW;
    this.#wantsKey = false;
    this.#outcome.begin(images.length, onCancel, isJob);
    try {
      const queries = await Promise.all(images.map((each) => this.#itemOf(each, isLive(request))));
      signal.throwIfAborted();
      const answer = await rank({ queries, ...fields }, {
        signal,
        onJob: (id) => remember(id, images, settings),
        onProgress: (progress) => this.#outcome.progress(progress),
      });
      if (isOfOtherVersion(request.set, answer.labelSet)) return this.#sets.load(request.set.name);
      this.#answered = request;
      this.#outcome.answered(request, answer);
    } catch (error) {
      if ([429, 503].includes(error.status) && !isJob) throw error; // it is repeated
      this.#fail(request, error, signal);
    }
    return null;
  }

  /** What is sent for each word is kept; larger uploads would fill the memory. */
  async #itemOf(image, isRepeated) {
    const item = this.#items.get(image) ?? await asItem(image);
    if (isRepeated) this.#items.set(image, item);
    return item;
  }

  #cancel() {
    this.#live.stop();
    this.#outcome.stale("Cancelled");
  }

  #wait(problem, seconds) {
    this.#outcome.fail(Object.assign(problem, { retryAfter: Math.ceil(seconds) }), () => this.submit());
  }

  #fail(request, error, signal) {
    if (error.name === "AbortError") {
      if (this.#job && signal === this.#job.signal) this.#outcome.stale("Cancelled");
      return; // another request follows, or the user cancelled it
    }
    const problem = error instanceof Problem
      ? error
      : new Problem({ title: "Something went wrong", detail: error.message });
    this.#wantsKey = problem.status === 401;
    const isOfRequest = problem.faults.length > 0; // to repeat it would not help
    this.#outcome.fail(this.#place(problem, request), isOfRequest ? null : () => this.submit());
  }

  /** Tell each fault once: at its image, at its field, or with the rest, which is returned. */
  #place(problem, { images, settings }) {
    this.#images.tellFaults(faultsByQuery({ errors: problem.faults }, images));
    const left = problem.faults.filter(({ pointer, detail }) => !placeFault(pointer, settings, detail));
    for (const fault of left) {
      const [, list, index] = fault.pointer.split("/");
      const image = list === "queries" ? images[Number(index)] : undefined;
      if (image) fault.told = `${image.name} ${fault.detail}`;
    }
    const detail = left.length < problem.faults.length ? "See what is marked red in the form." : problem.detail;
    return Object.assign(problem, { faults: left, detail });
  }
}

const sizeOf = ({ images }) => images.reduce((sum, { file }) => sum + (file?.size ?? 0), 0);

const isLive = (request) => request.images.length <= FEW && sizeOf(request) <= LIVE_BYTES;

/** Whether the set was replaced after it was loaded: the labels on the page are not those of the answer. */
const isOfOtherVersion = (set, used) => Boolean(set && used && used !== `${set.name}@${set.version}`);

function countLabels() {
  const count = lines(byId("labels").value).length;
  byId("labels-told").textContent = count ? `${counted(count, "label")}, one per line` : "One per line";
}

/** Checks without the server; the focus goes to the field that is incomplete. */
function check({ images, settings }) {
  if (!settings.labels.length) tellFault(byId("labels"), "Type at least one label; better two or more.");
  if (!images.length) tellFault(byId("link"), "Choose an image or a sample first.");
  const missing = !images.length ? byId("choose") : settings.labels.length ? null : byId("labels");
  missing?.focus();
  return !missing;
}
