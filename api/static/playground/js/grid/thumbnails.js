// Small copies of images, made when they are first shown. Only so many are kept,
// so that a folder of any size takes the same memory; the originals stay on the disk.

import { smallCopy } from "../intake/copies.js";

const KEPT = 500;
const AT_ONCE = 3;

export class Thumbnails {
  #urls = new Map(); // by image, the least recently used first
  #waiting = new Map(); // by image, all that show it; the latest is made first
  #making = 0;

  /** Call `show` with the URL of a small copy, or with null if the browser cannot read the image. */
  claim(image, show) {
    const url = this.#urls.get(image);
    if (url === undefined) {
      const shows = this.#waiting.get(image) ?? new Set();
      this.#waiting.delete(image);
      this.#waiting.set(image, shows.add(show));
      this.#makeNext();
      return;
    }
    this.#urls.delete(image);
    this.#urls.set(image, url);
    show(url);
  }

  /** `show` no longer waits for it. */
  drop(image, show) {
    const shows = this.#waiting.get(image);
    shows?.delete(show);
    if (!shows?.size) this.#waiting.delete(image);
  }

  forgetAll() {
    this.#waiting.clear();
    this.#urls.forEach((url) => url && URL.revokeObjectURL(url));
    this.#urls = new Map();
  }

  async #makeNext() {
    if (this.#making >= AT_ONCE || !this.#waiting.size) return;
    const [image, shows] = [...this.#waiting].at(-1);
    this.#waiting.delete(image);
    this.#making += 1;
    const urls = this.#urls;
    const small = image.thumbnail ?? (await smallCopy(image.file).catch(() => null));
    this.#making -= 1;
    const isForgotten = urls !== this.#urls;
    if (!isForgotten) {
      const url = small && URL.createObjectURL(small);
      this.#keep(image, url);
      shows.forEach((show) => show(url));
    }
    this.#makeNext();
  }

  #keep(image, url) {
    this.#urls.set(image, url);
    if (this.#urls.size <= KEPT) return;
    const [[oldest, old]] = this.#urls;
    this.#urls.delete(oldest);
    if (old) URL.revokeObjectURL(old);
  }
}
