// Sends many images in pieces, two at a time, and survives what can go wrong with some of them.

import { shrunk } from "../intake/copies.js";
import { Patience } from "./patience.js";
import { cut } from "./pieces.js";

const AT_ONCE = 2;
const SHRUNK_PIXELS = 2048;
const TOO_SLOW = "took longer than the service allows";

/**
 * `send(files, signal)` resolves to a list with `{value}` or `{fault}` for each file.
 * `onPiece(images, outcomes)` is called with each piece, `onWait(problem, seconds)` while the
 * service is busy. Throws the Problem that ends it all, or an AbortError.
 */
export async function sendAll(images, { send, signal, onPiece, onWait }) {
  const pieces = cut(images);
  const ended = new AbortController();
  const either = AbortSignal.any([signal, ended.signal]);
  const patience = new Patience(either, onWait);
  const ask = (files) => patience.attempt(() => send(files, either));
  async function work() {
    for (let piece = pieces.shift(); piece; piece = pieces.shift()) {
      const outcomes = await sendPiece(piece.map(({ file }) => file), ask);
      either.throwIfAborted();
      onPiece(piece, outcomes);
    }
  }
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } catch (error) {
    ended.abort();
    throw error;
  }
}

/** The outcomes of a piece; a piece that is too large for the server is sent in halves. */
async function sendPiece(files, ask) {
  try {
    return await ask(files);
  } catch (error) {
    if (error.status === 504) return files.map(() => ({ fault: TOO_SLOW })); // it may be at work on them still
    const isTooLarge = error.status === 413 || error.code === "body_too_large";
    if (!isTooLarge && error.faults?.length) return withoutFaulty(files, error, ask);
    if (!isTooLarge) throw error;
    if (files.length === 1) return [await sendSmaller(files[0], error, ask)];
    const half = Math.ceil(files.length / 2);
    return [...await sendPiece(files.slice(0, half), ask), ...await sendPiece(files.slice(half), ask)];
  }
}

/** A request that is refused because of some images is sent again without them. */
async function withoutFaulty(files, problem, ask) {
  const faults = new Map(problem.faults.map(({ pointer, detail }) => [indexIn(pointer), detail]));
  const rest = files.filter((_, index) => !faults.has(index));
  if (faults.has(undefined) || rest.length === files.length) throw problem;
  const outcomes = rest.length ? await sendPiece(rest, ask) : [];
  return files.map((_, index) => (faults.has(index) ? { fault: faults.get(index) } : outcomes.shift()));
}

/** Of "/3/img_blob" and "/queries/3"; undefined if it is not an image's. */
function indexIn(pointer) {
  const [, index] = pointer.match(/^(?:\/queries)?\/(\d+)(?:\/|$)/) ?? [];
  return index === undefined ? undefined : Number(index);
}

/** Models look at a few hundred pixels: a copy of 2,048 has all that they see. */
async function sendSmaller(file, problem, ask) {
  const smaller = await shrunk(file, SHRUNK_PIXELS).catch(() => null);
  if (!smaller || smaller.size >= file.size) return { fault: "is too large for this service, or cannot be read" };
  try {
    const [outcome] = await ask([new File([smaller], file.name, { type: smaller.type })]);
    return outcome;
  } catch (error) {
    if (error.status === 504) return { fault: TOO_SLOW };
    if (![413, 422].includes(error.status) && error.code !== problem.code) throw error;
    return { fault: "is too large for this service" };
  }
}
