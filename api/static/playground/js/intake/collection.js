// The images that Gallery and Search look at: handles of files, whose content stays on the disk.

const IMAGE_NAMES = /\.(avif|bmp|gif|heic|heif|jpe?g|png|tiff?|webp)$/i;

/** Browsers know the type of a file by its name, and not that of each format. */
export const isImage = ({ type, name }) => (type.startsWith("image/") && type !== "image/svg+xml") || IMAGE_NAMES.test(name);

/** The same file, chosen again; files of the same name, size and time in two folders are two images. */
const identityOf = ({ file: { size, lastModified }, path }) => `${path}|${size}|${lastModified}`;

export class Collection extends EventTarget {
  #images = new Map(); // by identity, in the order in which they came

  get all() {
    return [...this.#images.values()];
  }

  get size() {
    return this.#images.size;
  }

  /** Add `{file, path}`s. Returns how many files are no images. */
  add(found) {
    const images = found.filter(({ file }) => isImage(file));
    for (const { file, path } of images) {
      const identity = identityOf({ file, path });
      if (!this.#images.has(identity)) this.#images.set(identity, { name: file.name, path, identity, file });
    }
    if (images.length) this.#changed();
    return found.length - images.length;
  }

  clear() {
    this.#images.clear();
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

export const collection = new Collection();
