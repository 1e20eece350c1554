// How images are added: chosen, dropped, pasted, linked.

import { byId, tellFault } from "../dom.js";

const isFieldForText = (element) => element?.matches?.("textarea, input:not([type=file])");

export function takeIn(images) {
  const addFiles = (files) => [...files].forEach((file) => images.addFile(file));
  choose(addFiles);
  drop(addFiles, images);
  paste(addFiles, images);
  link(images);
}

function choose(addFiles) {
  byId("files").addEventListener("change", ({ target }) => {
    addFiles(target.files);
    target.value = ""; // the same file may be chosen again
  });
}

function drop(addFiles, images) {
  const zone = byId("drop");
  let depth = 0;
  const over = (is) => zone.classList.toggle("over", is);
  document.addEventListener("dragenter", () => over((depth += 1) > 0));
  document.addEventListener("dragleave", () => over((depth -= 1) > 0));
  document.addEventListener("dragover", (event) => {
    if (!isFieldForText(event.target)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    over((depth = 0) > 0);
    const { files } = event.dataTransfer;
    if (!files.length && isFieldForText(event.target)) return;
    event.preventDefault();
    if (files.length) addFiles(files);
    else addLinks(event.dataTransfer.getData("text/uri-list").replace(/^#.*$/gm, ""), images);
  });
}

function paste(addFiles, images) {
  document.addEventListener("paste", (event) => {
    const { files } = event.clipboardData;
    const text = event.clipboardData.getData("text");
    if (files.length) {
      event.preventDefault();
      addFiles(files);
    } else if (event.target === byId("link") && words(text).length > 1) {
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

const words = (text) => text.split(/\s+/).filter(Boolean);

/** Add all links in a text. Returns whether there was at least one and all were valid. */
function addLinks(text, images) {
  const links = words(text);
  const faults = links.map((each) => [each, images.addLink(each)]).filter(([, fault]) => fault);
  tellFault(byId("link"), faults.map(([each, fault]) => `${each} ${fault}`).join("; "));
  return links.length > 0 && !faults.length;
}
