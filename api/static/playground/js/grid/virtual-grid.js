// A grid of which only the tiles near the viewport are in the page. It scrolls with the page.

import { make } from "../dom.js";
import { glide, placesOf } from "./glide.js";
import { boxOf, heightOf, layOut, rangeOf, stepOf } from "./layout.js";

const SCREENS_AROUND = 0.75;

export class VirtualGrid {
  #items = [];
  #layout = null;
  #tiles = new Map(); // by item, those in the page
  #active = null; // the item that Tab leads to
  #makeTile;
  #shape;
  #frame = 0;

  /**
   * `makeTile(item)` returns `{element, button, update?(item, index), release()}`: a list item
   * whose `button` gets the focus. `shape` is {least, gap, caption} in pixels.
   */
  constructor(name, shape, makeTile) {
    this.#makeTile = makeTile;
    this.#shape = shape;
    this.element = make("ul", { class: "tiles", role: "list", "aria-label": name });
    this.element.addEventListener("keydown", (event) => this.#press(event));
    this.element.addEventListener("focusin", ({ target }) => this.#reach(target));
    new ResizeObserver(() => this.#measure()).observe(this.element);
    for (const kind of ["scroll", "resize"]) {
      window.addEventListener(kind, () => this.#soon(), { passive: true });
    }
  }

  get items() {
    return this.#items;
  }

  /** Show items in this order; those that stay on the screen glide to their new places. */
  show(items, { hero = false, glides = true } = {}) {
    const before = glides ? placesOf(this.#tiles) : new Map();
    this.#items = items;
    if (!items.includes(this.#active)) this.#active = items[0] ?? null;
    this.#shape = { ...this.#shape, hero };
    const width = this.element.clientWidth;
    this.#layout = width ? layOut(width, this.#shape) : null; // it is hidden: it will be measured
    this.#render();
    glide(this.#tiles, before);
  }

  /** Update what the tiles say without moving them. */
  refresh() {
    this.#items.forEach((item, index) => this.#tiles.get(item)?.update?.(item, index));
  }

  focus(item) {
    if (!this.#items.includes(item)) return;
    this.#activate(item);
    this.#render({ moved: false });
    const tile = this.#tiles.get(item);
    tile?.element.getAnimations().forEach((glide) => glide.finish()); // it is looked for where it will be
    tile?.element.scrollIntoView({ block: "nearest" });
    tile?.button.focus({ preventScroll: true });
  }

  #press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const index = this.#items.indexOf(this.#active);
    const page = Math.max(1, Math.floor(window.innerHeight / this.#layout.pitch) - 1);
    const next = stepOf(event.key, index, this.#items.length, this.#layout, page);
    if (next === null) return;
    event.preventDefault();
    this.focus(this.#items[next]);
  }

  #reach(target) {
    for (const [item, { element }] of this.#tiles) {
      if (element.contains(target) && item !== this.#active) this.#activate(item);
    }
  }

  #measure() {
    const width = this.element.clientWidth;
    if (!width) return; // the view is hidden
    this.#layout = layOut(width, this.#shape);
    this.#render();
  }

  #soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.element.clientWidth) this.#render({ moved: false });
    });
  }

  /** Bring the wanted tiles into the page; those that were there stay as they are unless they `moved`. */
  #render({ moved = true } = {}) {
    if (!this.#layout) return;
    const wanted = new Map(this.#wanted().map((index) => [this.#items[index], index]));
    for (const [item, tile] of this.#tiles) {
      if (wanted.has(item)) continue;
      tile.release();
      tile.element.remove();
      this.#tiles.delete(item);
    }
    for (const [item, index] of wanted) {
      const isNew = !this.#tiles.has(item);
      if (isNew) this.#tiles.set(item, this.#makeTile(item));
      if (isNew || moved) this.#put(item, index);
    }
    if (moved) this.element.style.height = `${heightOf(this.#items.length, this.#layout)}px`;
    this.#arrange([...wanted.keys()].map((item) => this.#tiles.get(item).element));
  }

  /** The indices near the viewport in order, and the active one's, so that it keeps the focus. */
  #wanted() {
    const { top } = this.element.getBoundingClientRect();
    const around = window.innerHeight * SCREENS_AROUND;
    const [begin, end] = rangeOf(-top - around, window.innerHeight - top + around, this.#items.length, this.#layout);
    const active = this.#items.indexOf(this.#active);
    const near = Array.from({ length: end - begin }, (_, nth) => begin + nth);
    if (active >= 0 && active < begin) near.unshift(active);
    if (active >= end) near.push(active);
    return near;
  }

  /** Bring elements into this order without moving the focused one, which would lose the focus. */
  #arrange(elements) {
    const current = this.element.children;
    if (elements.length === current.length && elements.every((each, nth) => each === current[nth])) return;
    const focused = elements.findIndex((each) => each.contains(document.activeElement));
    if (focused < 0) this.element.append(...elements);
    else {
      elements[focused].before(...elements.slice(0, focused));
      elements[focused].after(...elements.slice(focused + 1));
    }
  }

  #put(item, index) {
    const { element, update } = this.#tiles.get(item);
    const { x, y, width, height } = boxOf(index, this.#layout);
    element.style.transform = `translate(${x}px, ${y}px)`;
    element.style.width = `${width}px`;
    element.style.height = `${height}px`;
    element.setAttribute("aria-setsize", this.#items.length);
    element.setAttribute("aria-posinset", index + 1);
    this.#mark(item);
    update?.(item, index);
  }

  #mark(item) {
    for (const button of this.#tiles.get(item)?.element.querySelectorAll("button") ?? []) {
      button.tabIndex = item === this.#active ? 0 : -1;
    }
  }

  #activate(item) {
    const before = this.#active;
    this.#active = item;
    this.#mark(before);
    this.#mark(item);
  }
}
