// Smaller copies of images. They are made here, so that the originals stay on the disk.

const PIXELS = 256;

/** The middle of an image as a small square, as most models see it. */
export async function smallCopy(file) {
  const whole = await createImageBitmap(file);
  const side = Math.min(whole.width, whole.height);
  const size = Math.min(side, PIXELS);
  const small = await createImageBitmap(
    whole, Math.floor((whole.width - side) / 2), Math.floor((whole.height - side) / 2), side, side,
    { resizeWidth: size, resizeHeight: size, resizeQuality: "medium" });
  whole.close();
  return drawn(small, { type: "image/webp", quality: 0.82 });
}

/** The same image with at most so many pixels on its longer side. */
export async function shrunk(file, pixels) {
  const whole = await createImageBitmap(file);
  const scale = Math.min(1, pixels / Math.max(whole.width, whole.height));
  const [resizeWidth, resizeHeight] = [whole.width, whole.height].map((side) => Math.max(1, Math.round(side * scale)));
  const small = await createImageBitmap(whole, { resizeWidth, resizeHeight, resizeQuality: "high" });
  whole.close();
  return drawn(small, { type: "image/jpeg", quality: 0.92 });
}

/** On white, as transparent images are ranked. */
async function drawn(bitmap, kind) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas.convertToBlob(kind);
}
