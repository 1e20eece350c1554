// Moves tiles from where they were to where they are now.

const GLIDE = { duration: 380, easing: "cubic-bezier(0.2, 0.8, 0.2, 1)" };
const APPEAR = { duration: 240, easing: "ease-out" };
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** Where each tile is on the screen now, even in the middle of a glide. */
export function placesOf(tiles) {
  return new Map([...tiles].map(([item, { element }]) => [item, element.getBoundingClientRect()]));
}

/** `before` is what placesOf returned; tiles that were not there appear. */
export function glide(tiles, before) {
  if (still.matches || !before.size) return;
  for (const { element } of tiles.values()) element.getAnimations().forEach((animation) => animation.cancel());
  const after = placesOf(tiles);
  for (const [item, { element }] of tiles) {
    const [from, to] = [before.get(item), after.get(item)];
    if (!from) element.animate({ opacity: [0, 1] }, APPEAR);
    else if (from.x !== to.x || from.y !== to.y || from.width !== to.width) {
      element.animate({ transform: [between(element, from, to), element.style.transform] }, GLIDE);
    }
  }
}

function between(element, from, to) {
  return `translate(${from.x - to.x}px, ${from.y - to.y}px) ${element.style.transform} scale(${from.width / to.width})`;
}
