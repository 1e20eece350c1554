// The view Search: images are encoded once; then words order them while they are typed.

import { events } from "../api.js";
import { byId } from "../dom.js";
import { collection } from "../intake/collection.js";
import { makeIntake } from "../intake/intake.js";
import { counted, duration } from "../numbers.js";
import { registerView } from "../views.js";
import { isReady, order, queryOf } from "./asking.js";
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
let typing = 0;
let settling = 0;
let turn = 0;
let liked = null; // the image that gets the focus when it has come to the front

const query = () => queryOf(words.value, likes.terms);

function like(image, sign) {
  if (sign < 0) return likes.add(image, sign);
  words.value = "";
  liked = image;
  likes.set([{ image, sign }]);
}

/** Order the images by the query, now or after a pause in typing. */
function ask() {
  clearTimeout(typing);
  const ready = isReady(query(), { model: library.model, template: template.value });
  typing = setTimeout(answer, ready ? 0 : PAUSE_MS);
}

async function answer() {
  const mine = turn += 1;
  const terms = query();
  if (!terms.length || !library.images.length) return rest();
  try {
    const found = await order(terms, library, template.value);
    if (mine !== turn) return; // something else was typed meanwhile
    wall.show(found.images, found.strengthOf);
    tell(terms, found);
    if (liked) wall.focus(liked);
    liked = null;
  } catch (error) {
    if (mine === turn) encoding.fail(error, answer);
  }
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
  answer();
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
  registerView("search", { title: "Search", show });
}

function show({ query: given }) {
  if (given.get("q")) words.value = given.get("q");
  open();
}

async function open() {
  await encoding.open();
  catchUp();
  answer();
}

start();
