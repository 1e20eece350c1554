// An image opened large, in a dialog; the arrow keys lead to its neighbours in the grid.

import { make } from "../dom.js";

const UNSHOWN = "Your browser cannot show this format.";

/**
 * `grid` has the order; `about(image)` returns elements that tell about an image.
 * The returned function opens an image.
 */
export function makeLarge(section, grid, about) {
  const title = make("h2", { id: `${section.id}-large-title` });
  const figure = make("div", { class: "figure" });
  const told = make("div", { class: "told" });
  const button = (name, text, act) => make("button", { type: "button", class: "quiet", "aria-label": name, onclick: act }, text);
  const [back, on] = [button("Previous image", "←", () => step(-1)), button("Next image", "→", () => step(1))];
  const dialog = make("dialog", { class: "large", "aria-labelledby": title.id },
    make("header", {}, title, back, on, button("Close", "×", () => dialog.close())),
    make("div", { class: "body" }, figure, told));
  section.append(dialog);
  let shown = null;
  let url = "";

  function show(image) {
    URL.revokeObjectURL(url);
    shown = image;
    url = URL.createObjectURL(image.file ?? image.thumbnail);
    const element = make("img", { src: url, alt: image.name });
    // A late error of an image that is no longer shown changes nothing.
    element.addEventListener("error", () => element.replaceWith(make("p", { class: "unshown" }, UNSHOWN)));
    figure.replaceChildren(element);
    title.textContent = image.name;
    told.replaceChildren(...about(image, () => dialog.close()));
    const index = grid.items.indexOf(image);
    [back.disabled, on.disabled] = [index <= 0, index >= grid.items.length - 1];
  }

  function step(by) {
    const next = grid.items[grid.items.indexOf(shown) + by];
    if (next) show(next);
  }

  dialog.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    step(by);
  });
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close()); // the backdrop
  dialog.addEventListener("close", () => {
    URL.revokeObjectURL(url);
    figure.replaceChildren();
    grid.focus(shown);
  });
  return (image) => {
    show(image);
    dialog.showModal();
  };
}
