// The settings in the fragment of a link, which never leaves the browser; uploads are not included.

const NUMBERS = { temperature: "temperature", top_k: "topK", none_below: "threshold" };
const WORDS = { activation: "activation", model: "model", label_set: "labelSet" };

/** Of the chosen `images` only links and samples can be shared. */
export function toFragment(settings, images) {
  const shared = new URLSearchParams();
  if (!settings.labelSet) settings.labels.forEach((label) => shared.append("label", label));
  if (!settings.labelSet) settings.templates.forEach((template) => shared.append("template", template));
  for (const [name, key] of Object.entries({ ...NUMBERS, ...WORDS })) {
    if (settings[key] !== undefined && settings[key] !== "") shared.append(name, settings[key]);
  }
  for (const image of images) {
    if (image.kind === "link") shared.append("image", image.url);
    if (image.kind === "sample") shared.append("sample", image.sample);
  }
  return `#rank?${shared}`;
}

/** The settings in the query of a fragment; null if there are none. */
export function fromQuery(shared) {
  if (![...shared.values()].some(Boolean)) return null;
  const number = (name) => {
    const value = Number(shared.get(name) ?? NaN);
    return Number.isFinite(value) ? value : undefined;
  };
  const settings = { labels: shared.getAll("label"), templates: shared.getAll("template") };
  for (const [name, key] of Object.entries(NUMBERS)) settings[key] = number(name);
  for (const [name, key] of Object.entries(WORDS)) settings[key] = shared.get(name) ?? "";
  return { settings, links: shared.getAll("image"), samples: shared.getAll("sample") };
}
