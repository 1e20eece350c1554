// Label sets: labels and templates that the service keeps by name. They are loaded, edited, saved and deleted.

import { call, events, get } from "../api.js";
import { byId, tellFault } from "../dom.js";
import { counted } from "../numbers.js";
import { Problem } from "../problem.js";
import { lines } from "./settings.js";

const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/;
const REPLACED = "This set exists: its labels are replaced.";
const path = (name) => `label-sets/${encodeURIComponent(name)}`;

/** "load" tells that the labels in the form were replaced, or belong to another set now. */
export class LabelSets extends EventTarget {
  #loaded = null; // the set that the labels in the form come from
  #known = [];
  #select = byId("label-set");
  #name = byId("set-name");

  constructor() {
    super();
    this.#select.addEventListener("change", () => (this.#select.value ? this.load(this.#select.value) : this.#leave()));
    this.#startSaving();
    this.#startDeleting();
    events.addEventListener("key", () => this.#refresh());
    this.#refresh();
  }

  /** The set that the form's labels are; null if they were edited, or belong to none. */
  get used() {
    return this.#loaded && (hasImages(this.#loaded) || this.#isUnchanged()) ? this.#loaded : null;
  }

  /** Put the labels and templates of a set into the form. */
  async load(name) {
    tellFault(this.#select);
    try {
      this.#take(await get(path(name)));
    } catch (error) {
      tellFault(this.#select, reason(error));
      this.#select.value = this.#loaded?.name ?? "";
      return;
    }
    const { labels, templates } = textsOf(this.#loaded);
    byId("labels").value = labels.join("\n");
    byId("templates").value = templates.join("\n");
    if (templates.length) byId("more").open = true;
    this.#changed();
  }

  /** The form's labels belong to no set. */
  forget() {
    this.#take(null);
  }

  /** Say whether the labels are those of the set. Images cannot be edited here. */
  tell() {
    const set = this.#loaded;
    const isFixed = set !== null && hasImages(set);
    const isUnchanged = this.#isUnchanged();
    byId("labels").readOnly = isFixed;
    byId("set-delete").hidden = !set;
    byId("set-save").hidden = isFixed || !lines(byId("labels").value).length || isUnchanged;
    byId("set-save").textContent = set ? "Save changes" : "Save as a label set";
    const told = isFixed ? "The set has images: its labels cannot be edited here." : "Changes are not saved.";
    byId("label-set-told").textContent = !set || (isUnchanged && !isFixed) ? "" : told;
  }

  async #refresh() {
    const { label_sets: sets } = await get("label-sets").catch(() => ({ label_sets: [] }));
    this.#known = sets.map((each) => each.name);
    const options = sets.map((each) => new Option(`${each.name} (${counted(each.count, "label")})`, each.name));
    const own = this.#loaded?.name;
    if (own && !this.#known.includes(own)) options.push(new Option(own, own));
    this.#select.replaceChildren(new Option("none", ""), ...options);
    this.#select.value = this.#loaded?.name ?? "";
    byId("set-row").hidden = options.length === 0;
    this.tell();
  }

  #take(set) {
    this.#loaded = set;
    byId("set-saving").hidden = byId("set-deleting").hidden = true;
    const isListed = [...this.#select.options].some(({ value }) => value === (set?.name ?? ""));
    if (!isListed) this.#select.add(new Option(set.name, set.name));
    this.#select.value = set?.name ?? "";
    if (set) byId("set-row").hidden = false;
    this.tell();
  }

  #isUnchanged() {
    return this.#loaded !== null && JSON.stringify(this.#current()) === JSON.stringify(textsOf(this.#loaded));
  }

  /** The form's labels and templates. Those of the set are given as they were put, with the spaces at their ends. */
  #current() {
    const put = this.#loaded ? textsOf(this.#loaded) : { labels: [], templates: [] };
    return { labels: asPut(lines(byId("labels").value), put.labels), templates: asPut(lines(byId("templates").value), put.templates) };
  }

  #changed() {
    this.dispatchEvent(new Event("load"));
  }

  /** The labels stay in the form, unless they stand for images. */
  #leave() {
    if (this.#loaded && hasImages(this.#loaded)) byId("labels").value = "";
    this.#take(null);
    this.#changed();
  }

  #startSaving() {
    const close = (focused) => {
      byId("set-saving").hidden = true;
      focused.focus();
    };
    byId("set-save").addEventListener("click", () => {
      this.#name.value = this.#loaded?.name ?? "";
      this.#tellName();
      [byId("set-saving").hidden, byId("set-deleting").hidden] = [false, true];
      this.#name.focus();
    });
    this.#name.addEventListener("input", () => this.#tellName());
    const save = async () => (await this.#save()) && close(this.#select);
    this.#name.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close(byId("set-save"));
      if (event.key !== "Enter") return;
      event.preventDefault(); // it saves; it does not rank
      save();
    });
    byId("set-put").addEventListener("click", save);
    byId("set-save-no").addEventListener("click", () => close(byId("set-save")));
  }

  #tellName() {
    tellFault(this.#name);
    const isReplaced = this.#known.includes(this.#name.value.trim());
    byId("set-put").textContent = isReplaced ? "Replace" : "Save";
    byId("set-name-told").textContent = isReplaced ? REPLACED : "Letters, digits, dots, - and _.";
  }

  /** Returns whether it was saved. */
  async #save() {
    const name = this.#name.value.trim();
    if (!NAME.test(name)) {
      tellFault(this.#name, "A name has 1 to 64 letters, digits, dots, - and _.");
      return false;
    }
    const { labels, templates } = this.#current();
    const { alpha } = this.#loaded ?? {};
    const body = { candidates: labels.map((text) => ({ text })), ...(templates.length ? { templates } : {}), ...(alpha ? { alpha } : {}) };
    byId("set-put").disabled = true;
    try {
      const saved = await (await call(path(name), { method: "PUT", json: body })).json();
      this.#loaded = { ...saved, labels, templates };
    } catch (error) {
      tellFault(this.#name, reason(error));
      return false;
    } finally {
      byId("set-put").disabled = false;
    }
    byId("set-announcement").textContent = `Saved as “${name}”.`;
    await this.#refresh();
    this.#changed();
    return true;
  }

  #startDeleting() {
    const close = () => { byId("set-deleting").hidden = true; };
    byId("set-delete").addEventListener("click", () => {
      byId("set-really").textContent = `Delete “${this.#loaded.name}”?`;
      [byId("set-saving").hidden, byId("set-deleting").hidden] = [true, false];
      byId("set-remove").focus();
    });
    byId("set-delete-no").addEventListener("click", () => {
      close();
      this.#select.focus();
    });
    byId("set-remove").addEventListener("click", async () => {
      await this.#remove();
      close();
      byId("labels").focus();
    });
  }

  async #remove() {
    const { name } = this.#loaded;
    try {
      await call(path(name), { method: "DELETE" });
    } catch (error) {
      if (error.status !== 404) return tellFault(this.#select, reason(error));
    }
    byId("set-announcement").textContent = `Deleted “${name}”.`;
    this.#leave();
    return this.#refresh();
  }
}

/** `texts` without spaces at their ends, each replaced by the one in `put` that differs only in them. */
function asPut(texts, put) {
  const left = [...put];
  return texts.map((text) => {
    const place = left.findIndex((each) => each.trim() === text);
    return place < 0 ? text : left.splice(place, 1)[0];
  });
}

/** The labels and templates as they were put. A service of an earlier release gives no templates. */
const textsOf = ({ labels, templates = [] }) =>
  ({ labels: labels.map((label, nth) => label ?? `image ${nth + 1}`), templates });

const hasImages = ({ labels, candidates = [] }) =>
  labels.includes(null) || candidates.some(({ text }) => text === undefined);

function reason(error) {
  if (!(error instanceof Problem)) throw error;
  return [`${error.title}.`, error.hint, ...error.faults.map(({ detail }) => detail)].filter(Boolean).join(" ");
}
