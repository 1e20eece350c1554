// Maps faults to images.

/** The faults of images, by image; other faults are left out. */
export function faultsByQuery({ errors = [] }, images) {
  const told = errors.map(({ pointer, detail }) => [images[pointer.match(/^\/queries\/(\d+)/)?.[1]], detail]);
  return new Map(told.filter(([image]) => image));
}
