// The chosen images: files, links and samples, in the order in which they were chosen. One is selected.

import { SAMPLES } from "./samples.js";

let counted = 0;

/** "change" tells that images came or went, or that their faults changed; "select" that another is selected. */
export class Images extends EventTarget {
  #chosen = [];
  #selected = null;
  #isExample = false;

  get all() {
    return [...this.#chosen];
  }

  get selected() {
    return this.#selected;
  }

  addFiles(files) {
    this.#add([...files].map((file) => {
      const name = file.name || "pasted image";
      return { kind: "file", name, file, source: URL.createObjectURL(file) };
    }));
  }

  /** Take links. Returns what is wrong with those that are none: `[link, fault]`. */
  addLinks(links) {
    const parsed = links.map((link) => [link, parse(link)]);
    const urls = parsed.map(([, url]) => url).filter(Boolean);
    this.#add(urls.map((url) => ({ kind: "link", name: nameOf(url), url: url.href, source: url.href })));
    return parsed.filter(([, url]) => !url).map(([link]) => [link, "is not an http or https address"]);
  }

  /** Take a sample, or select it if it is there. An example is replaced by the first images of the user. */
  addSample(id, { isExample = false } = {}) {
    const sample = SAMPLES.find((each) => each.id === id);
    if (!sample) return;
    const taken = this.#chosen.find((each) => each.sample === id);
    if (taken) {
      this.#isExample = isExample;
      this.select(taken);
      return;
    }
    const { name, path } = sample;
    this.#add([{ kind: "sample", name, sample: id, path, source: path }]);
    this.#isExample = isExample;
  }

  select(image) {
    if (this.#selected === image) return;
    this.#selected = image;
    this.dispatchEvent(new Event("select"));
  }

  remove(image) {
    const place = this.#chosen.indexOf(image);
    this.#replace(this.#chosen.filter((each) => each !== image));
    if (this.#selected === image) this.select(this.#chosen[Math.min(place, this.#chosen.length - 1)] ?? null);
  }

  clear() {
    this.#isExample = false;
    this.#replace([]);
    this.select(null);
  }

  /** Set the faults of images: a map from image to a predicate ("is not an image"). */
  tellFaults(faults) {
    for (const image of this.#chosen) image.fault = faults.get(image) ?? "";
    this.#changed();
  }

  #add(images) {
    if (!images.length) return;
    const added = images.map((image) => ({ ...image, id: (counted += 1), fault: "" }));
    const kept = this.#isExample ? [] : this.#chosen;
    this.#isExample = false;
    this.#replace([...kept, ...added]);
    this.select(added[0]);
  }

  #replace(chosen) {
    const gone = this.#chosen.filter((each) => !chosen.includes(each));
    this.#chosen = chosen;
    this.#changed();
    gone.filter(({ kind }) => kind === "file").forEach(({ source }) => URL.revokeObjectURL(source));
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

function parse(link) {
  const url = URL.canParse(link) ? new URL(link) : null;
  return url && /^https?:$/.test(url.protocol) ? url : null;
}

function nameOf(url) {
  const last = url.pathname.split("/").pop();
  try {
    return decodeURIComponent(last) || url.host;
  } catch {
    return last; // a stray per cent sign
  }
}

/** The form in which an image is sent; the bytes of a file are read now and sent unchanged. */
export async function asItem(image) {
  if (image.kind === "link") return { img_uri: image.url };
  const file = image.file ?? (await (await fetch(image.path)).blob());
  return { img_blob: await base64(file) };
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
