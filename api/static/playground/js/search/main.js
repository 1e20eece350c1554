// The view Search: images are encoded once; then words order them while they are typed.

import { events } from "../api.js";
import { byId, make } from "../dom.js";
import { makeLarge } from "../grid/large.js";
import { Thumbnails } from "../grid/thumbnails.js";
import { makeTile } from "../grid/tile.js";
import { VirtualGrid } from "../grid/virtual-grid.js";
import { collection } from "../intake/collection.js";
import { makeIntake } from "../intake/intake.js";
import { counted, duration } from "../numbers.js";
import { registerView } from "../views.js";
import { order, queryOf, isReady } from "./asking.js";
import { startEncoding } from "./encode-run.js";
import { makeKeeping } from "./keeping.js";
import { Library } from "./library.js";
import { Likes } from "./likes.js";
import { showIdeas } from "./ideas.js";
import { explained } from "./terms.js";

const PAUSE_MS = 90; // between two keys of a fast typist
const SETTLED_MS = 900;
const SHAPE = { least: 132, gap: 12, columns: 3 };

startSearch();

function startSearch() {
  const section = byId("search-view");
  const [words, template, told, announcement] = ["search-words", "search-template", "search-told", "search-announcement"].map(byId);
  const library = new Library();
  const thumbnails = new Thumbnails();
  const likes = new Likes(byId("search-likes"), words);
  const grid = new VirtualGrid("Images", SHAPE, tileOf);
  const open = makeLarge(section, grid, about);
  const encoding = startEncoding(library, byId("search-encoding"), byId("search-trouble"));
  let strengthOf = new Map();
  let typing = 0;
  let settling = 0;
  let turn = 0;
  let shown = false;

  function tileOf(image) {
    const more = make("button", { type: "button", class: "more", onclick: () => moreLike(image) },
      make("span", { "aria-hidden": "true" }, "≈"), make("span", { class: "words" }, " More like this"));
    const bar = make("span", { class: "strength", "aria-hidden": "true" });
    const tile = makeTile(image, thumbnails, open, more, bar);
    more.setAttribute("aria-label", `More like ${image.name}`);
    return { ...tile, update: () => tell(tile.element) };

    function tell(element) {
      const strength = strengthOf.get(image);
      element.style.setProperty("--strength", strength ?? 1);
      element.classList.toggle("judged", strength !== undefined);
    }
  }

  function about(image, close) {
    const act = (name, does) => make("button", { type: "button", onclick: () => { close(); does(image); } }, name);
    const small = image.file ? null : make("p", { class: "aside" }, "Only this small copy is kept on this device. Drop the folder again to see the original.");
    return [image.path === image.name ? null : make("p", { class: "aside" }, image.path), small, make("div", { class: "row" },
      act("More like this", moreLike), act("Less like this", (each) => likes.add(each, -1)))].filter(Boolean);
  }

  function moreLike(image) {
    words.value = "";
    likes.set([{ image, sign: 1 }]);
    window.scrollTo({ top: 0 });
    grid.focus(image);
  }

  const query = () => queryOf(words.value, likes.terms);

  /** Order the images by the query, now or after a pause in typing. */
  function ask() {
    clearTimeout(typing);
    const ready = isReady(query(), { model: library.model, template: template.value });
    typing = setTimeout(answer, ready ? 0 : PAUSE_MS);
  }

  async function answer() {
    const mine = turn += 1;
    const terms = query();
    try {
      if (!terms.length || !library.images.length) return rest();
      const found = await order(terms, library, template.value);
      if (mine !== turn) return; // something else was typed meanwhile
      strengthOf = found.strengthOf;
      grid.show(found.images, { hero: true });
      tell(terms, found);
    } catch (error) {
      if (mine === turn) encoding.fail(error, answer);
    }
  }

  function rest() {
    strengthOf = new Map();
    grid.show(library.images);
    told.textContent = library.images.length ? HINT : "";
  }

  function tell(terms, { images, seconds }) {
    told.textContent = `${explained(terms)} ${counted(images.length, "image")} in ${duration(Math.max(seconds, 0.001))}.`;
    clearTimeout(settling);
    settling = setTimeout(() => { announcement.textContent = `The best of ${counted(images.length, "image")} is ${images[0].name}.`; }, SETTLED_MS);
  }

  function changed() {
    section.classList.toggle("filled", library.images.length > 0);
    answer();
  }

  /** Encode what is new, as soon as somebody looks. */
  function catchUp() {
    if (shown) encoding.start();
  }

  collection.addEventListener("change", () => {
    if (!collection.size) {
      thumbnails.forgetAll();
      library.clear();
      likes.set([]);
    }
    changed();
    catchUp();
  });
  library.addEventListener("change", changed);
  likes.addEventListener("change", ask);
  events.addEventListener("key", catchUp);
  words.addEventListener("input", ask);
  template.addEventListener("change", ask);
  byId("search-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (grid.items.length) grid.focus(grid.items[0]);
  });
  words.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" || !grid.items.length) return;
    event.preventDefault();
    grid.focus(grid.items[0]);
  });

  byId("search-intake").append(makeIntake(section), template.parentElement, makeKeeping(library, byId("search-trouble")));
  byId("search-tiles").append(grid.element);
  showIdeas(byId("search-ideas"), (idea) => {
    likes.set([]);
    words.value = idea;
    ask();
  });
  registerView("search", {
    title: "Search",
    show({ query: given }) {
      shown = true;
      if (given.get("q")) words.value = given.get("q");
      encoding.open().then(catchUp);
      ask();
    },
    hide: () => { shown = false; },
  });
}

const HINT = "Type what you look for. “beach − people” leaves people out, “dog + snow” asks for both.";
