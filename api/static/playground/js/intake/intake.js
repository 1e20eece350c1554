// How images come into Gallery and Search: a folder, files, or the samples; chosen or dropped.

import { make } from "../dom.js";
import { counted } from "../numbers.js";
import { collection } from "./collection.js";
import { filesOfDrop, filesOfInput } from "./folders.js";
import { SAMPLE_IMAGES } from "./sample-images.js";

const PREVIEWED = 9;

/**
 * The controls for a view; drops anywhere on the page count while its `section` is shown.
 * `onSamples` is called before the sample images are taken, `field` gets the focus then.
 */
export function makeIntake(section, field, onSamples = () => {}) {
  const told = make("p", { class: "aside", role: "status" });
  const count = make("strong", { class: "count" });
  const folder = chooser("Choose a folder", { webkitdirectory: true }, take);
  const clear = make("button", { type: "button", class: "quiet", onclick: forget }, "Clear");

  function forget() {
    collection.clear();
    folder.querySelector("input").focus();
  }

  async function showSamples() {
    onSamples();
    field.focus();
    collection.add(await sampleFiles());
  }

  function take(found) {
    const skipped = collection.add(found);
    told.textContent = skipped ? `${counted(skipped, "file")} skipped: no ${skipped === 1 ? "image" : "images"}.` : "";
    if (!found.length) told.textContent = "There are no images in it.";
  }

  const preview = SAMPLE_IMAGES.slice(0, PREVIEWED).map(({ path }) => make("img", { src: path, alt: "", loading: "lazy" }));
  const samples = make("button", { type: "button", class: "primary", onclick: showSamples }, "Try with the sample images");
  const element = make("div", { class: "intake" },
    make("div", { class: "preview" }, preview),
    make("p", { class: "lead" }, "Drop a folder here"),
    count,
    make("div", { class: "row" },
      folder,
      chooser("Choose files", { accept: "image/*" }, take),
      samples, clear),
    told);

  function update() {
    count.textContent = collection.size ? counted(collection.size, "image") : "";
    element.classList.toggle("full", collection.size > 0);
    clear.hidden = !collection.size;
    samples.hidden = collection.size > 0;
  }

  collection.addEventListener("change", update);
  update();
  acceptDrops(section, element, take);
  return element;
}

function chooser(name, attributes, take) {
  const input = make("input", { class: "unseen", type: "file", multiple: true, ...attributes });
  input.addEventListener("change", () => {
    take(filesOfInput(input));
    input.value = ""; // the same folder may be chosen again
  });
  return make("label", { class: "button" }, name, input);
}

function acceptDrops(section, element, take) {
  const over = (is) => element.classList.toggle("over", is);
  const bringsFiles = (event) => !section.hidden && event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!bringsFiles(event)) return;
    event.preventDefault();
    over(true);
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget ?? over(false));
  document.addEventListener("drop", async (event) => {
    over(false);
    if (!bringsFiles(event)) return;
    event.preventDefault();
    take(await filesOfDrop(event.dataTransfer));
  });
}

/** The page's own sample images, as files. */
function sampleFiles() {
  return Promise.all(SAMPLE_IMAGES.map(async ({ name, path }) => {
    const blob = await (await fetch(path)).blob();
    return { file: new File([blob], name, { type: blob.type, lastModified: 0 }), path: name };
  }));
}
