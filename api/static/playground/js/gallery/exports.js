// All results as a file.

import { make } from "../dom.js";

const rounded = (probability) => Number(probability.toPrecision(6));

function asRecord(image, results) {
  const best = results.bestOf(image);
  if (!best) return { image: image.path, error: results.faultOf(image) ?? "is not ranked" };
  return {
    image: image.path,
    label: results.labels[best.index],
    probability: rounded(best.probability),
    probabilities: Array.from(results.rowOf(image), rounded),
  };
}

export function asJson(images, results) {
  return JSON.stringify({ labels: results.labels, images: images.map((image) => asRecord(image, results)) }, null, 1);
}

/** A row for each image, a column for each label (RFC 4180). */
export function asCsv(images, results) {
  const head = ["image", "label", "probability", ...results.labels, "error"];
  const rows = images.map((image) => {
    const { label = "", probability = "", probabilities = results.labels.map(() => ""), error = "" } = asRecord(image, results);
    return [image.path, label, probability, ...probabilities, error];
  });
  return [head, ...rows].map((row) => row.map(asField).join(",")).join("\r\n").concat("\r\n");
}

/**
 * A field as RFC 4180 says. Spreadsheets run a text that begins with one of these as a formula, and names of files
 * and labels may come from elsewhere: an apostrophe before it keeps it a text. Numbers stay numbers.
 */
function asField(value) {
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function download(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000); // the browser reads it after the click
}
