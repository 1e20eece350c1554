// Which image a fault belongs to.

/** What is wrong with images, by image; faults of all else are left out. */
export function faultsByQuery({ errors = [] }, images) {
  const told = errors.map(({ pointer, detail }) => [images[pointer.match(/^\/queries\/(\d+)/)?.[1]], detail]);
  return new Map(told.filter(([image]) => image));
}
