// Cuts many images into pieces that are sent one by one.

const MAX_IMAGES = 24;
const MAX_BYTES = 16e6;

/** Pieces of a limited number of images and of bytes; an image of more bytes has a piece of its own. */
export function cut(images, maxImages = MAX_IMAGES, maxBytes = MAX_BYTES) {
  const pieces = [];
  let room = 0;
  for (const image of images) {
    const piece = pieces.at(-1);
    if (piece && piece.length < maxImages && image.file.size <= room) {
      piece.push(image);
      room -= image.file.size;
    } else {
      pieces.push([image]);
      room = maxBytes - image.file.size;
    }
  }
  return pieces;
}
