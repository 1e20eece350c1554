// The view Search: images are encoded once; then words order them while they are typed.

import { events } from "../api.js";
import { byId } from "../dom.js";
import { collection } from "../intake/collection.js";
import { makeIntake } from "../intake/intake.js";
import { counted, duration } from "../numbers.js";
import { Live } from "../sending/live.js";
import { clearTrouble } from "../trouble.js";
import { registerView } from "../views.js";
import { isReady, order, prepare, queryOf } from "./asking.js";
import { startEncoding } from "./encode-run.js";
import { showIdeas } from "./ideas.js";
import { makeKeeping } from "./keeping.js";
import { Library } from "./library.js";
import { Likes } from "./likes.js";
import { explained } from "./terms.js";
import { makeWall } from "./wall.js";

const PAUSE_MS = 90; // between two keys of a fast typist
const SETTLED_MS = 900;
const HINT = "Type what you look for. “beach − people” leaves people out, “dog + snow” asks for both.";

const [section, words, template, told, announcement, trouble] =
  ["search-view", "search-words", "search-template", "search-told", "search-announcement", "search-trouble"].map(byId);
const library = new Library();
const likes = new Likes(byId("search-likes"), words);
const wall = makeWall(section, byId("search-tiles"), like);
const encoding = startEncoding(library, byId("search-encoding"), trouble);
const live = new Live(encodeWords, wait, PAUSE_MS);
let settling = 0;
let wasRefused = false;
let liked = null; // the image that gets the focus when it has come to the front

const query = () => queryOf(words.value, likes.terms);

function like(image, sign) {
  if (sign < 0) return likes.add(image, sign);
  words.value = "";
  liked = image;
  likes.set([{ image, sign }]);
}

const isAnswerable = () => !library.images.length || isReady(query(), { model: library.model, template: template.value });

/** The query changed: order the images by it, now or after a pause in typing. */
function ask() {
  live.stop();
  if (isAnswerable()) answer();
  else live.soon();
}

/** The images or their vectors changed. */
function askAgain() {
  if (isAnswerable()) answer();
  else if (!section.hidden && !live.isActive) live.now();
}

async function encodeWords(signal) {
  try {
    await prepare(query(), { model: library.model, template: template.value, signal });
  } catch (error) {
    if ([429, 503].includes(error.status)) throw error; // it is repeated
    if (error.name !== "AbortError") encoding.fail(error, ask);
    return;
  }
  if (wasRefused) clearTrouble(trouble);
  wasRefused = false;
  askAgain();
}

function wait(problem, seconds) {
  wasRefused = true;
  encoding.fail(Object.assign(problem, { retryAfter: Math.ceil(seconds) }), ask);
}

function answer() {
  const terms = query();
  if (!terms.length || !library.images.length) return rest();
  const found = order(terms, library, template.value);
  wall.show(found.images, found.strengthOf);
  tell(terms, found);
  if (liked) wall.focus(liked);
  liked = null;
}

/** Without a query the images are in the order in which they came. */
function rest() {
  clearTimeout(settling);
  wall.show(library.images);
  told.textContent = library.images.length ? HINT : "";
}

function tell(terms, { images, seconds }) {
  const count = counted(images.length, "image");
  told.textContent = `${explained(terms)} ${count} in ${duration(Math.max(seconds, 0.001))}.`;
  clearTimeout(settling);
  settling = setTimeout(() => { announcement.textContent = `The best of ${count} is ${images[0].name}.`; }, SETTLED_MS);
}

function changed() {
  section.classList.toggle("filled", library.images.length > 0);
  askAgain();
}

/** Encode what is new, as soon as it is looked at. */
function catchUp() {
  if (!section.hidden) encoding.start();
}

function start() {
  collection.addEventListener("change", () => {
    if (!collection.size) {
      encoding.cancel();
      wall.clear();
      library.clear();
      likes.set([]);
    }
    changed();
    catchUp();
  });
  library.addEventListener("change", changed);
  likes.addEventListener("change", ask);
  events.addEventListener("key", () => section.hidden || open());
  words.addEventListener("input", () => {
    window.scrollTo({ top: 0 }); // the best are there
    ask();
  });
  template.addEventListener("change", ask);
  byId("search-form").addEventListener("submit", (event) => {
    event.preventDefault();
    wall.focus();
  });
  words.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    wall.focus();
  });
  byId("search-intake").append(makeIntake(section, words), template.parentElement, makeKeeping(library, trouble));
  showIdeas(byId("search-ideas"), (idea) => {
    words.value = idea;
    likes.set([]);
  });
  registerView("search", { title: "Search", show, hide: () => live.stop() });
}

function show({ query: given }) {
  if (given.get("q")) words.value = given.get("q");
  open();
}

async function open() {
  await encoding.open();
  catchUp();
  askAgain();
}

start();
