/** Outlines on the map: as text for the address, and what lies inside. */

/** @typedef {{x: number, y: number}} Point */

const MOST = 48;
const STEPS = 1000;

/** An outline of at most so many corners, in thousandths: `12.340_56.780_..`. @param {Point[]} points */
export function textOf(points) {
  const every = Math.max(1, points.length / MOST);
  const corners = [];
  for (let at = 0; at < points.length; at += every) corners.push(points[Math.floor(at)]);
  return corners.map(({ x, y }) => `${Math.round(x * STEPS)}.${Math.round(y * STEPS)}`).join("_");
}

/** @param {string} text @returns {Point[]} none where it is no outline */
export function outlineOf(text) {
  const points = text.split("_").map((corner) => {
    const [x, y] = corner.split(".").map(Number);
    return { x: x / STEPS, y: y / STEPS };
  });
  return points.length > 2 && points.every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y)) ? points : [];
}

/** Whether a point lies inside: a ray from it crosses the outline an odd number of times. */
export function inside(/** @type {Point[]} */ outline, /** @type {Point} */ { x, y }) {
  let is = false;
  for (let i = 0, j = outline.length - 1; i < outline.length; j = i, i += 1) {
    const a = outline[i];
    const b = outline[j];
    if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) is = !is;
  }
  return is;
}
