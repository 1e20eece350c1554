// What is typed, as terms with a sign: "beach − people" is beach, without people.

const SIGN = /(?:^|\s)([+\-−–—])\s*(?=[^\s+\-−–—])/g;

/** `{words, sign}`s. A hyphen inside a word ("t-shirt") is no sign, nor is one that nothing follows. */
export function termsOf(text) {
  const marks = [...text.matchAll(SIGN)];
  const starts = marks.map(({ index, 0: mark }) => index + mark.length);
  const first = { words: text.slice(0, marks[0]?.index), sign: 1 };
  const rest = marks.map(({ 1: sign }, nth) => ({
    words: text.slice(starts[nth], marks[nth + 1]?.index), sign: sign === "+" ? 1 : -1,
  }));
  return [first, ...rest]
    .map(({ words, sign }) => ({ words: words.replace(/[\s+\-−–—]+$/, "").trim(), sign }))
    .filter(({ words }) => words);
}

/** In a sentence; of an image, `words` is undefined and `image` has a name. */
export function explained(terms) {
  const named = (sign) => terms.filter((term) => term.sign === sign).map(({ words, image }) => (words ? `“${words}”` : image.name));
  const [near, far] = [named(1), named(-1)];
  if (!near.length && !far.length) return "";
  if (!far.length) return `Closest to ${listed(near)} first.`;
  if (!near.length) return `Least like ${listed(far)} first.`;
  return `Close to ${listed(near)}, but not to ${listed(far)}.`;
}

const listed = (names) => names.join(" and ");
