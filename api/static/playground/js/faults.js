// Which picture a fault belongs to.

/** What is wrong with pictures, by picture; faults of all else are left out. */
export function faultsByQuery({ errors = [] }, pictures) {
  const told = errors.map(({ pointer, detail }) => [pictures[pointer.match(/^\/queries\/(\d+)/)?.[1]], detail]);
  return new Map(told.filter(([picture]) => picture));
}
