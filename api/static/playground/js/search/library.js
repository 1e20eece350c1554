// The images that can be searched: those of the collection, and those kept on this device.

import { collection } from "../intake/collection.js";
import { smallCopy } from "../intake/copies.js";
import { patiently } from "../sending/patience.js";
import { cut } from "../sending/pieces.js";
import { sendAll } from "../sending/sending.js";
import { currentModel, encodeFiles } from "./encoding.js";
import { forget, isKeeping, keep, recall, startKeeping, stopKeeping } from "./kept.js";

/** Dispatches "change" when there are more or fewer images or vectors. */
export class Library extends EventTarget {
  model = "";
  #vectors = new Map(); // by identity
  #faults = new Map(); // by identity
  #kept = new Map(); // by identity: images without a file
  #writing = Promise.resolve(); // one write follows the other
  #generation = 0; // a write of an earlier one has no effect any more

  /** The images, each file once, those with files first. */
  get images() {
    const files = collection.all;
    const known = new Set(files.map(({ identity }) => identity));
    return [...files, ...[...this.#kept.values()].filter(({ identity }) => !known.has(identity))];
  }

  get missing() {
    return collection.all.filter(({ identity }) => !this.#vectors.has(identity) && !this.#faults.has(identity));
  }

  /** `{image, fault}`s of images that could not be encoded. */
  get failed() {
    return this.images.filter(({ identity }) => this.#faults.has(identity))
      .map((image) => ({ image, fault: this.#faults.get(image.identity) }));
  }

  get keptCount() {
    return this.#kept.size;
  }

  vectorOf = ({ identity }) => this.#vectors.get(identity);

  /** Look which model is served; what another one encoded is of no use. Recall what is kept of it. */
  async open() {
    const model = await currentModel();
    if (model === this.model) return;
    this.model = model;
    this.#start();
    this.#recallAll(await recall(model).catch(() => []));
    this.#changed();
  }

  /** Encode the images that have no vector yet. */
  async encode({ signal, onProgress, onWait }) {
    await patiently(() => this.open(), signal, onWait);
    const images = this.missing;
    let [ended, failed] = [0, 0];
    const onPiece = (piece, outcomes) => {
      piece.forEach(({ identity }, nth) => this.#learn(identity, outcomes[nth]));
      ended += piece.length;
      failed += outcomes.filter(({ fault }) => fault).length;
      onProgress({ total: images.length, ended, failed });
      this.#changed();
      if (isKeeping()) this.#keep(piece).catch(() => {}); // it is full: searching works all the same
    };
    await sendAll(images, { send: encodeFiles, signal, onPiece, onWait });
    return { total: images.length, failed };
  }

  /** Keep images on this device, these and those that are encoded later: vectors and small copies, not the files. */
  async keep() {
    startKeeping();
    await this.#keep(collection.all);
  }

  async forget() {
    stopKeeping();
    this.#generation += 1;
    this.#kept.clear();
    this.#changed();
    await this.#write(forget);
  }

  /** The kept images are no longer shown; they come back with the next visit. */
  clear() {
    this.#start();
    this.#changed();
  }

  #start() {
    this.#generation += 1;
    for (const each of [this.#vectors, this.#faults, this.#kept]) each.clear();
  }

  #keep(images) {
    const generation = this.#generation;
    return this.#write(async () => {
      for (const piece of cut(images)) {
        const entries = await this.#entriesOf(piece, generation);
        if (generation !== this.#generation) return;
        await keep(this.model, entries);
        if (generation !== this.#generation) return;
        this.#recallAll(entries);
        this.#changed();
      }
    });
  }

  /** One small copy at a time is made: images at their full size take much memory. */
  async #entriesOf(images, generation) {
    const entries = [];
    for (const image of images.filter(this.vectorOf)) {
      if (generation !== this.#generation) break;
      const { identity, name, path, file } = image;
      const vector = this.vectorOf(image);
      entries.push({ identity, name, path, vector, thumbnail: await smallCopy(file).catch(() => null) });
    }
    return entries;
  }

  #write(act) {
    const written = this.#writing.then(act);
    this.#writing = written.catch(() => {}); // the next one may succeed
    return written;
  }

  #learn(identity, { value, fault }) {
    if (fault) this.#faults.set(identity, fault);
    else this.#vectors.set(identity, value);
  }

  #recallAll(entries) {
    for (const { identity, name, path, thumbnail, vector } of entries) {
      this.#vectors.set(identity, vector);
      if (thumbnail) this.#kept.set(identity, { identity, name, path, thumbnail, file: null });
    }
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
