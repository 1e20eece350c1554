// Where the tiles of a grid are: arithmetic in rows, columns and pixels, without the page.
// The first tile may be a hero, which is twice as wide and high as the others.

/** The layout for a width: as many columns as fit with tiles of at least `least` pixels, or `columns` of smaller ones. */
export function layOut(width, { least, gap, columns: fewest = 1, caption = 0, hero = false }) {
  const columns = Math.max(fewest, Math.floor((width + gap) / (least + gap)));
  const tile = Math.max(1, (width - gap * (columns - 1)) / columns);
  return { columns, tile, gap, caption, pitch: tile + caption + gap, hero: hero && columns > 2 };
}

const beside = ({ columns }) => columns - 2; // tiles in each of the two rows beside the hero

/** The place of the tile with an index. */
export function placeOf(index, layout) {
  const { columns, hero } = layout;
  if (!hero) return { row: Math.floor(index / columns), column: index % columns, span: 1 };
  if (index === 0) return { row: 0, column: 0, span: 2 };
  const first = 1 + 2 * beside(layout);
  if (index < first) {
    const nth = index - 1;
    return { row: Math.floor(nth / beside(layout)), column: 2 + (nth % beside(layout)), span: 1 };
  }
  const nth = index - first;
  return { row: 2 + Math.floor(nth / columns), column: nth % columns, span: 1 };
}

/** The index of the tile at a place. */
export function indexAt(row, column, layout) {
  const { columns, hero } = layout;
  if (!hero) return row * columns + column;
  if (row >= 2) return 1 + 2 * beside(layout) + (row - 2) * columns + column;
  return column < 2 ? 0 : 1 + row * beside(layout) + column - 2;
}

/** Pixels from the top left corner of the grid, and the tile's size. */
export function boxOf(index, layout) {
  const { row, column, span } = placeOf(index, layout);
  const { tile, gap, pitch } = layout;
  const grown = span === 2;
  return {
    x: column * (tile + gap),
    y: row * pitch,
    width: grown ? 2 * tile + gap : tile,
    height: grown ? 2 * pitch - gap : pitch - gap,
  };
}

export function rowsOf(count, layout) {
  if (!count) return 0;
  const last = placeOf(count - 1, layout).row + 1;
  return layout.hero ? Math.max(2, last) : last;
}

export const heightOf = (count, layout) => Math.max(0, rowsOf(count, layout) * layout.pitch - layout.gap);

/** The indices of the tiles between two heights: from the first to before the last. */
export function rangeOf(top, bottom, count, layout) {
  const row = (y) => Math.floor(y / layout.pitch);
  const [first, last] = [Math.max(0, row(top)), Math.max(0, row(bottom))];
  const begin = layout.hero && first === 1 ? 0 : indexAt(first, 0, layout);
  return [Math.min(count, begin), Math.min(count, indexAt(last + 1, 0, layout) || 1 + 2 * beside(layout))];
}

/** The index that a key leads to, and null for a key that leads nowhere. */
export function stepOf(key, index, count, layout, rowsAPage) {
  const { row, column, span } = placeOf(index, layout);
  const vertically = (rows) => {
    const wanted = row + rows + (rows > 0 ? span - 1 : 0);
    const [top, bottom] = [0, rowsOf(count, layout) - 1];
    return Math.min(count - 1, indexAt(Math.min(bottom, Math.max(top, wanted)), column, layout));
  };
  const steps = {
    ArrowRight: () => index + 1,
    ArrowLeft: () => index - 1,
    ArrowDown: () => vertically(1),
    ArrowUp: () => vertically(-1),
    PageDown: () => vertically(rowsAPage),
    PageUp: () => vertically(-rowsAPage),
    Home: () => 0,
    End: () => count - 1,
  };
  if (!(key in steps) || !count) return null;
  return Math.min(count - 1, Math.max(0, steps[key]()));
}
