/** Rows of photos: each as wide as the grid, near one height, never moved by what comes later. */

/**
 * Give every tile of a grid its width and height. Tiles of full rows stay as they are until the
 * grid's width changes; only the last row waits for more.
 * @param {HTMLElement} grid whose children have `--ratio`
 * @returns {{add(): void}} to call when tiles were added
 */
export function justify(grid) {
  let width = 0;
  let done = 0;

  const lay = () => {
    const style = getComputedStyle(grid);
    const room = grid.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    if (room <= 0) return;
    if (Math.abs(room - width) > 0.5) {
      width = room;
      done = 0;
    }
    done = place(/** @type {HTMLElement[]} */ ([...grid.children]), done, room, parseFloat(style.columnGap), parseFloat(style.getPropertyValue("--row")));
  };

  new ResizeObserver(() => lay()).observe(grid);
  return { add: lay };
}

/** @returns {number} where the last row begins, which may still change */
function place(/** @type {HTMLElement[]} */ tiles, /** @type {number} */ from, /** @type {number} */ room, /** @type {number} */ gap, /** @type {number} */ wanted) {
  let first = from;
  let ratios = 0;
  for (let i = first; i < tiles.length; i += 1) {
    const ratio = ratioOf(tiles[i]);
    const before = heightOf(room, i - first, ratios, gap);
    const height = heightOf(room, i - first + 1, ratios + ratio, gap);
    if (height > wanted) {
      ratios += ratio;
      continue;
    }
    // Full: with this tile the row is lower than wanted, without it higher; the nearer one wins.
    const with_ = i === first || wanted / height <= before / wanted;
    const end = with_ ? i + 1 : i;
    size(tiles.slice(first, end), with_ ? height : before);
    first = end;
    ratios = with_ ? 0 : ratio;
  }
  const rest = tiles.slice(first);
  if (rest.length) size(rest, Math.min(wanted, heightOf(room, rest.length, ratios, gap)));
  return first;
}

const ratioOf = (/** @type {HTMLElement} */ tile) => parseFloat(tile.style.getPropertyValue("--ratio")) || 1.5;

const heightOf = (/** @type {number} */ room, /** @type {number} */ count, /** @type {number} */ ratios, /** @type {number} */ gap) =>
  ratios ? (room - gap * (count - 1)) / ratios : Infinity;

function size(/** @type {HTMLElement[]} */ tiles, /** @type {number} */ height) {
  for (const tile of tiles) {
    // Rounded down: a row's sum never exceeds its room.
    tile.style.width = `${Math.floor(ratioOf(tile) * height * 100) / 100}px`;
    tile.style.height = `${height.toFixed(2)}px`;
  }
}
