// The button that keeps vectors on this device, and the one that forgets them.

import { make } from "../dom.js";
import { counted } from "../numbers.js";
import { Problem } from "../problem.js";
import { clearTrouble, showTrouble } from "../trouble.js";

export function makeKeeping(library, trouble) {
  const told = make("span", { class: "aside", role: "status" });
  const keep = make("button", { type: "button", class: "quiet small", onclick: () => act(() => library.keep()) }, "Keep on this device");
  const forget = make("button", { type: "button", class: "quiet small", onclick: () => act(() => library.forget()) }, "Forget");
  keep.title = "Vectors and small copies stay in this browser, so that you can search without the folder.";

  async function act(does) {
    clearTrouble(trouble);
    [keep.disabled, forget.disabled] = [true, true];
    try {
      await does();
    } catch (error) {
      showTrouble(trouble, new Problem({ title: "This browser does not let the page keep them", detail: error.message }));
    }
    [keep.disabled, forget.disabled] = [false, false];
    update();
  }

  function update() {
    const kept = library.keptCount;
    told.textContent = kept ? `${counted(kept, "image")} kept on this device.` : "";
    keep.hidden = kept > 0 || !library.images.some(library.vectorOf);
    forget.hidden = !kept;
  }

  library.addEventListener("change", update);
  update();
  return make("div", { class: "keeping" }, keep, told, forget);
}
