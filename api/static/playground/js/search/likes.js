// Images in the query: "more like this", and "less like this".

import { make } from "../dom.js";

/** A list of chips; "change" when it changes. */
export class Likes extends EventTarget {
  #terms = []; // {image, sign}
  #list;
  #whereTo;

  /** The focus goes to `whereTo` after a chip is removed. */
  constructor(list, whereTo) {
    super();
    this.#list = list;
    this.#whereTo = whereTo;
    this.#show();
  }

  get terms() {
    return [...this.#terms];
  }

  set(terms) {
    this.#terms = terms;
    this.#show();
    this.dispatchEvent(new Event("change"));
  }

  add(image, sign) {
    this.set([...this.#terms.filter((term) => term.image !== image), { image, sign }]);
  }

  #show() {
    this.#list.hidden = !this.#terms.length;
    this.#list.replaceChildren(...this.#terms.map((term) => this.#makeChip(term)));
  }

  #makeChip(term) {
    const { image, sign } = term;
    const word = sign > 0 ? "More" : "Less";
    const turn = () => this.set(this.#terms.map((each) => (each === term ? { image, sign: -sign } : each)));
    const remove = () => {
      this.set(this.#terms.filter((each) => each !== term));
      this.#whereTo.focus();
    };
    const button = (name, text, act) =>
      make("button", { type: "button", class: "quiet", "aria-label": name, title: name, onclick: act }, text);
    return make("li", { class: sign > 0 ? "chip" : "chip less" },
      button(`${word} like ${image.name}: turn around`, sign > 0 ? "+" : "−", turn),
      make("span", { class: "name" }, image.name),
      button(`Remove ${image.name} from the query`, "×", remove));
  }
}
