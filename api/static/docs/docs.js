"use strict";

// The viewer has a dark theme of its own, for the parts that docs.css leaves alone.
const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");
const follow = () => {
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
  root.classList.toggle("dark-mode", isDark);
};
new MutationObserver(follow).observe(root, { attributeFilter: ["data-theme"] });
system.addEventListener("change", follow);
follow();

// The viewer leaves its fields, and what it says of the API, without names.
const nameOf = (field) => {
  if (field.type === "file") return "File";
  const row = field.closest("tr[data-param-name]");
  if (row) return row.dataset.paramName;
  return field.closest(".examples-select, .response-control-examples") ? "Example" : "Media type";
};
const contract = document.getElementById("contract");
new MutationObserver(() => {
  for (const field of contract.querySelectorAll("select, input, textarea")) {
    if (!field.labels.length && !field.ariaLabel) field.ariaLabel = nameOf(field);
  }
  const about = contract.querySelector(".information-container");
  if (about) Object.assign(about, { role: "region", ariaLabel: "About" });
}).observe(contract, { childList: true, subtree: true });

// Other services' interfaces are for their clients, not for readers: folded until they are wanted.
const OTHERS = "Interfaces of other services";

const ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#contract",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  onComplete: () => {
    if (!location.hash.startsWith("#/" + encodeURIComponent(OTHERS))) {
      ui.layoutActions.show(["operations-tag", OTHERS], false);
    }
  },
  // The document is validated by this project's tests, not by a server elsewhere.
  validatorUrl: null,
});
