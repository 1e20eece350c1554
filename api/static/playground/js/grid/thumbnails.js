// Small copies of images, made when they are first shown. Only so many are kept,
// so that a folder of any size takes the same memory; the originals stay on the disk.

const PIXELS = 256;
const KEPT = 500;
const AT_ONCE = 3;
const KIND = { type: "image/webp", quality: 0.82 };

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
    this.#urls.clear();
  }

  async #makeNext() {
    if (this.#making >= AT_ONCE || !this.#waiting.size) return;
    const [image, shows] = [...this.#waiting].at(-1);
    this.#waiting.delete(image);
    this.#making += 1;
    const small = image.thumbnail ?? (await smallCopy(image.file).catch(() => null));
    this.#making -= 1;
    const url = small && URL.createObjectURL(small);
    this.#keep(image, url);
    shows.forEach((show) => show(url));
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

/** The middle of an image as a small square, as most models see it. */
export async function smallCopy(file, pixels = PIXELS) {
  const whole = await createImageBitmap(file);
  const side = Math.min(whole.width, whole.height);
  const size = Math.min(side, pixels);
  const small = await createImageBitmap(
    whole, Math.floor((whole.width - side) / 2), Math.floor((whole.height - side) / 2), side, side,
    { resizeWidth: size, resizeHeight: size, resizeQuality: "medium" });
  whole.close();
  return drawn(small);
}

/** The same image with at most so many pixels on its longer side. */
export async function shrunk(file, pixels) {
  const whole = await createImageBitmap(file);
  const scale = Math.min(1, pixels / Math.max(whole.width, whole.height));
  const [resizeWidth, resizeHeight] = [whole.width, whole.height].map((side) => Math.max(1, Math.round(side * scale)));
  const small = await createImageBitmap(whole, { resizeWidth, resizeHeight, resizeQuality: "high" });
  whole.close();
  return drawn(small, { type: "image/jpeg", quality: 0.92 });
}

/** On white, as transparent images are ranked. */
async function drawn(bitmap, kind = KIND) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas.convertToBlob(kind);
}
