// The same request with Python and requests.

import { asFormValue, filesOf, linksOf } from "./curl.js";

/** `fields` are those of the request without its queries. */
export function python(url, images, fields, needsKey) {
  const files = filesOf(images);
  return [
    ...(needsKey ? ["import os", ""] : []),
    "import requests",
    "",
    "answer = requests.post(",
    `    ${literal(url)},`,
    ...(needsKey ? ['    headers={"X-API-Key": os.environ["CLIP_API_KEY"]},'] : []),
    ...indented(files.length ? form(files, linksOf(images), fields) : json(linksOf(images), fields)),
    "    timeout=90,",
    ")",
    "answer.raise_for_status()",
    'print(answer.json()["probabilities"])',
  ].join("\n");
}

function form(files, links, { candidates, ...fields }) {
  return [
    "files=[",
    ...files.map((name) => `    ("image", open(${literal(name)}, "rb")),`),
    "],",
    "data={",
    ...(links.length ? [`    "queries": ${literal(JSON.stringify(links))},`] : []),
    ...(candidates ? [`    "candidate": ${literal(candidates.map(({ text }) => text))},`] : []),
    ...Object.entries(fields).map(([name, value]) => `    ${literal(name)}: ${literal(asFormValue(value))},`),
    "},",
  ];
}

function json(links, fields) {
  const entries = Object.entries({ queries: links, ...fields });
  return ["json={", ...entries.map(([name, value]) => `    ${literal(name)}: ${literal(value)},`), "},"];
}

const indented = (rows) => rows.map((row) => `    ${row}`);

/** A JSON value as a Python literal. */
function literal(value) {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value).map(([name, each]) => `${literal(name)}: ${literal(each)}`).join(", ")}}`;
}
