// How images are added: chosen, dropped, pasted, linked, or taken from the samples.

import { byId, make, tellFault } from "../dom.js";
import { LABELS, SAMPLES } from "../samples.js";

const isFieldForText = (element) => element?.matches?.("textarea, input:not([type=file])");

export function takeIn(images) {
  const addFiles = (files) => images.addFiles(files);
  choose(addFiles);
  drop(addFiles, images);
  paste(addFiles, images);
  link(images);
  offerSamples(images);
}

const isShown = () => !byId("rank-view").hidden;

function choose(addFiles) {
  for (const id of ["choose", "add-files"]) byId(id).addEventListener("click", () => byId("files").click());
  byId("files").addEventListener("change", ({ target }) => {
    addFiles(target.files);
    target.value = ""; // the same file may be chosen again
  });
}

function drop(addFiles, images) {
  const zone = byId("hero");
  let depth = 0;
  const over = (is) => zone.classList.toggle("over", is);
  document.addEventListener("dragenter", () => over((depth += 1) > 0));
  document.addEventListener("dragleave", () => over((depth -= 1) > 0));
  document.addEventListener("dragover", (event) => {
    if (isShown() && !isFieldForText(event.target)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    over((depth = 0) > 0);
    if (!isShown()) return;
    const { files } = event.dataTransfer;
    if (!files.length && isFieldForText(event.target)) return;
    event.preventDefault();
    if (files.length) addFiles(files);
    else addLinks(event.dataTransfer.getData("text/uri-list").replace(/^#.*$/gm, ""), images);
  });
}

function paste(addFiles, images) {
  document.addEventListener("paste", (event) => {
    if (!isShown()) return;
    const { files } = event.clipboardData;
    const text = event.clipboardData.getData("text");
    if (files.length) {
      event.preventDefault();
      addFiles(files);
    } else if (event.target === byId("link") && split(text).length > 1) {
      event.preventDefault();
      addLinks(text, images);
    } else if (!isFieldForText(event.target) && /^https?:\/\//.test(text.trim())) {
      event.preventDefault();
      addLinks(text, images);
    }
  });
}

function link(images) {
  const field = byId("link");
  const add = () => {
    if (addLinks(field.value, images)) field.value = "";
    field.focus();
  };
  byId("add-link").addEventListener("click", add);
  field.addEventListener("input", () => tellFault(field));
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault(); // Enter adds the link; it does not rank
    add();
  });
}

/** Links are separated by line breaks, or by white space before the next `http`; a link may have spaces in it. */
const split = (text) => text.split(/[\r\n]+|\s+(?=https?:\/\/)/i).map((link) => link.trim()).filter(Boolean);

/** Add all links in a text. Returns whether there was at least one and all were valid. */
function addLinks(text, images) {
  const links = split(text);
  const faults = images.addLinks(links);
  tellFault(byId("link"), faults.map(([each, fault]) => `${each} ${fault}`).join("; "));
  return links.length > 0 && !faults.length;
}

/** The first sample brings labels with it. */
function offerSamples(images) {
  const labels = byId("labels");
  byId("samples").querySelector("ul").append(...SAMPLES.map(({ id, path }) => {
    const take = () => {
      images.addSample(id);
      if (labels.value.trim()) return;
      labels.value = LABELS.join("\n");
      labels.dispatchEvent(new Event("input", { bubbles: true }));
    };
    return make("li", {}, make("button", { type: "button", "aria-label": `Add the sample image ${id}`, onclick: take },
      make("img", { src: path, alt: "", width: 44, height: 44 })));
  }));
}
