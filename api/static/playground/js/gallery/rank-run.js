// One run at a time that ranks the images without a result.

import { postForm } from "../sending/following.js";
import { sendAll } from "../sending/sending.js";
import { fieldsOf } from "./labelling.js";

/** `send` for sendAll: the rows of POST /rank, or why an image has none. */
export function rankFiles(labelling) {
  return async (files, signal) => {
    const form = new FormData();
    for (const file of files) form.append("image", file, file.name);
    for (const [name, value] of Object.entries(fieldsOf(labelling))) form.append(name, value);
    const answer = await postForm("rank", form, signal);
    const faults = new Map((answer.errors ?? []).map(({ pointer, detail }) => [Number(pointer.split("/")[2]), detail]));
    return answer.probabilities.map((row, nth) =>
      (row ? { value: Float32Array.from(row) } : { fault: faults.get(nth) ?? "could not be ranked" }));
  };
}

/** Rank images into `results`. Calls `onResults(images)` with each piece. */
export async function rankAll(images, { labelling, results, signal, progress, onResults }) {
  let [ended, failed] = [0, 0];
  const onPiece = (piece, outcomes) => {
    piece.forEach((image, nth) => results.add(image, outcomes[nth]));
    ended += piece.length;
    failed += outcomes.filter(({ fault }) => fault).length;
    progress.update({ total: images.length, ended, failed });
    onResults(piece);
  };
  await sendAll(images, { send: rankFiles(labelling), signal, onPiece, onWait: progress.wait });
}
