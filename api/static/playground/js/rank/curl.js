// The same request with curl. With files it is a form, which needs no base64.

const DEMO = "demo/pictures/";

/** `fields` are those of the request without its queries. */
export function curl(url, images, fields, needsKey) {
  const files = filesOf(images);
  const links = linksOf(images);
  const head = [`curl -s ${quoted(url)}`, ...(needsKey ? ['-H "X-API-Key: $CLIP_API_KEY"'] : [])];
  const body = files.length ? form(files, links, fields) : [
    "-H 'Content-Type: application/json'",
    `-d ${quoted(JSON.stringify({ queries: links, ...fields }))}`,
  ];
  return [...head, ...body].join(" \\\n  ");
}

function form(files, links, { candidates, ...fields }) {
  return [
    ...(links.length ? [field("queries", JSON.stringify(links))] : []),
    ...files.map((name) => `-F ${quoted(`image=@${asFormFile(name)}`)}`),
    ...(candidates ?? []).map(({ text }) => field("candidate", text)),
    ...Object.entries(fields).map(([name, value]) => field(name, asFormValue(value))),
  ];
}

/** -F gives some values a special meaning (a file, a type); --form-string does not. */
function field(name, value) {
  const option = /^[@<"(=]|;/.test(value) ? "--form-string" : "-F";
  return `${option} ${quoted(`${name}=${value}`)}`;
}

/** curl splits names at commas and semicolons, unless they are in double quotes. */
const asFormFile = (name) => (/[,;"\\]/.test(name) ? `"${name.replace(/["\\]/g, "\\$&")}"` : name);

/** A word of a POSIX shell. */
const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** The path of a sample image in the checkout; the file's name for others. */
export function filesOf(images) {
  const files = images.filter((each) => each.kind !== "link");
  return files.map((each) => (each.kind === "sample" ? DEMO + each.name : each.name));
}

export function linksOf(images) {
  return images.filter((each) => each.kind === "link").map((each) => ({ img_uri: each.url }));
}

/** A field of a form: strings unchanged, all else as JSON. */
export const asFormValue = (value) => (typeof value === "string" ? value : JSON.stringify(value));
