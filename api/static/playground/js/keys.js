// The API key: the form appears when the server needs one.

import { events, useKey } from "./api.js";
import { byId } from "./dom.js";

export function startKeys() {
  const form = byId("key-form");
  const field = byId("key");
  events.addEventListener("unauthorized", ({ detail }) => {
    if (detail.wasWrong) byId("key-told").textContent = "That key was not accepted. Try another.";
    form.hidden = false;
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!field.value.trim()) return;
    form.hidden = true;
    useKey(field.value.trim());
    field.value = "";
  });
}
