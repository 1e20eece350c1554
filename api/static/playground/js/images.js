// The chosen images: files, links and samples, in the order in which they were chosen.

import { SAMPLES } from "./samples.js";

let counted = 0;

export class Images extends EventTarget {
  #chosen = [];

  get all() {
    return [...this.#chosen];
  }

  addFile(file) {
    const name = file.name || `pasted image ${counted + 1}`;
    this.#add({ kind: "file", name, file, source: URL.createObjectURL(file) });
  }

  /** Take a link. Returns what is wrong with it, or nothing. */
  addLink(link) {
    const url = URL.canParse(link) ? new URL(link) : null;
    if (!url || !/^https?:$/.test(url.protocol)) return "is not an http or https address";
    this.#add({ kind: "link", name: nameOf(url), url: url.href, source: url.href });
    return "";
  }

  addSample(id) {
    const sample = SAMPLES.find((each) => each.id === id);
    if (!sample || this.#chosen.some((each) => each.sample === id)) return;
    const { name, path } = sample;
    this.#add({ kind: "sample", name, sample: id, path, source: path });
  }

  remove(image) {
    this.#chosen = this.#chosen.filter((each) => each !== image);
    this.#changed();
  }

  clear() {
    this.#chosen = [];
    this.#changed();
  }

  /** Set the faults of images: a map from image to a predicate ("is not an image"). */
  tellFaults(faults) {
    for (const image of this.#chosen) image.fault = faults.has(image) ? `It ${faults.get(image)}.` : "";
    this.#changed();
  }

  #add(image) {
    counted += 1;
    this.#chosen.push({ ...image, id: counted, fault: "" });
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
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
