/** The grid of photos: rows of one height in the photos' own proportions, walked by arrows. */

import { imageOf, thumbnailOf } from "./api.js";
import { button, el, foreign } from "./dom.js";
import * as feedback from "./feedback.js";
import { language, score, t } from "./i18n.js";
import * as selection from "./selection.js";
import { justify } from "./rows.js";
import { address, open, search, state } from "./state.js";
import { inShort } from "./why.js";

/** @typedef {import("./api.js").Hit} Hit */

// A thumbnail's longer side, as the library keeps them.
const THUMBNAIL = 320;
// Panoramas and towers are shown whole up to here, then cut.
const NARROWEST = 0.45;
const WIDEST = 3;

/** Proportions of a tile; a small picture lies on a mat, which has calmer ones. @param {Hit} hit */
function ratioOf({ width, height }) {
  const ratio = width > 0 && height > 0 ? width / height : 1.5;
  const small = Math.max(width, height) < THUMBNAIL;
  return Math.min(small ? 1.5 : WIDEST, Math.max(small ? 0.8 : NARROWEST, ratio));
}

/**
 * A photo's caption: of the user's language where the library has one, as `caption_es`.
 * @param {{description: string, attributes?: Record<string, string>}} photo
 */
export const captionOf = ({ description, attributes = {} }) => attributes[`caption_${language()}`] || description;

/** What a photo is called where it cannot be seen. @param {Hit} hit */
export const nameOf = (hit) => captionOf(hit) || t("photo.untitled", { id: hit.photo_id });

/** Whether its original is on another server: then only its thumbnail is shown. @param {{uri?: string}} hit */
export const isElsewhere = ({ uri = "" }) => /^https?:/.test(uri);

/**
 * A grid in a place, instead of what was there.
 * @returns {{node: HTMLElement, add(hits: Hit[]): void}}
 */
export function putGrid(/** @type {HTMLElement} */ place, /** @type {string} */ label, /** @type {Node} */ after) {
  /** @type {Hit[]} */
  const hits = [];
  const node = el("ul.grid", { role: "list", "aria-label": label, onkeydown: walk, onfocusin: settle });
  // Rows are measured: the grid must have its place before it has photos.
  place.replaceChildren(node, after);
  const rows = justify(node);
  return {
    node,
    add(more) {
      const first = hits.length === 0;
      hits.push(...more);
      node.append(...more.map((hit) => tile(hit, hits)));
      rows.add();
      if (first) settleOn(node.querySelector(".tile"));
    },
  };
}

/** The photo whose tile has the focus, so that a new grid can take it over. */
export const focused = () => document.activeElement?.closest(".tile[data-id]")?.getAttribute("data-id") ?? null;

/** Give the focus to a photo's tile, or to the first where the photo is not there. */
export function focusOn(/** @type {HTMLElement} */ node, /** @type {string} */ id) {
  const tiles = /** @type {HTMLElement[]} */ ([...node.children]);
  const to = tiles.find((each) => each.dataset.id === id) ?? tiles[0];
  to?.querySelector("a")?.focus({ preventScroll: true });
}

/** Tiles that stand where photos will. */
export function ghosts(count = 18) {
  const ratios = [1.5, 1.33, 0.75, 1.78, 1, 1.5, 0.67, 1.6];
  const tiles = Array.from({ length: count }, (_, i) => el("li.tile.ghost", { style: { "--ratio": String(ratios[i % 8]) } }));
  const node = el("ul.grid", { "aria-hidden": "true" }, ...tiles);
  justify(node);
  return node;
}

function tile(/** @type {Hit} */ hit, /** @type {Hit[]} */ among) {
  const small = Math.max(hit.width, hit.height) < THUMBNAIL;
  const name = nameOf(hit);
  const shown = hit.score === null ? "" : score(hit.score);
  const link = el(
    "a",
    {
      href: address({ ...state(), photo: hit.photo_id }),
      tabindex: "-1",
      "aria-label": shown ? `${name}, ${t("score", { n: shown })}` : name,
      draggable: "true",
      onclick: (/** @type {MouseEvent} */ event) => {
        if (event.ctrlKey || event.metaKey || event.button) return;
        event.preventDefault();
        if (event.shiftKey || selection.isSelecting()) selection.toggle(hit, among, event.shiftKey);
        else open({ photo: hit.photo_id });
      },
    },
    picture(hit, name),
    el("span.veil", { "aria-hidden": "true" }, foreign(captionOf(hit)), shown && el("span.score", { title: inShort(hit.why) || null }, shown)),
  );
  const check = button(
    "check bare",
    "check",
    t("photo.select", { what: name }),
    (event) => selection.toggle(hit, among, event.shiftKey),
    { tabindex: "-1", "aria-pressed": String(selection.has(hit.photo_id)), title: null },
  );
  check.classList.remove("bare");
  const judging = shown && feedback.isOffered() ? el("div.judge", {}, ...feedback.buttons("bare", hit.photo_id, name, { tabindex: "-1" })) : null;
  const made = el(
    `li.tile${small ? ".small" : ""}${selection.has(hit.photo_id) ? ".chosen" : ""}`,
    { style: { "--ratio": ratioOf(hit).toFixed(4) }, "data-id": hit.photo_id },
    link,
    check,
    judging,
  );
  made.hit = hit;
  made.among = among;
  return made;
}

/** The thumbnail at once, then a sharper picture where the tile is larger than it. */
function picture(/** @type {Hit} */ hit, /** @type {string} */ name) {
  const side = Math.max(hit.width, hit.height);
  const image = el("img", {
    alt: name,
    width: String(hit.width || 3),
    height: String(hit.height || 2),
    loading: "lazy",
    decoding: "async",
    draggable: "false",
  });
  let step = 0;
  image.addEventListener("load", () => {
    const wanted = Math.max(image.clientWidth, image.clientHeight) * Math.min(2, devicePixelRatio);
    if (step++ > 0 || isElsewhere(hit) || side <= THUMBNAIL || wanted < THUMBNAIL * 1.1) return;
    image.src = imageOf(hit.photo_id, wanted > 700 ? 960 : 640);
  });
  image.addEventListener("error", () => {
    // A sharper one that cannot be made leaves the thumbnail; no thumbnail leaves the original.
    if (step === 0 && !isElsewhere(hit)) image.src = imageOf(hit.photo_id, 640);
    else if (step > 0 && step < 3) image.src = thumbnailOf(hit.photo_id);
    else image.closest(".tile")?.classList.add("broken");
    step += 1;
  });
  image.src = thumbnailOf(hit.photo_id);
  return image;
}

/** Only the tile that was last reached takes part in tabbing. */
function settle(/** @type {FocusEvent} */ event) {
  settleOn(/** @type {HTMLElement} */ (event.target).closest(".tile"));
}

function settleOn(/** @type {Element | null} */ tileNode) {
  const grid = tileNode?.parentElement;
  for (const node of grid?.querySelectorAll('[tabindex="0"]') ?? []) node.setAttribute("tabindex", "-1");
  for (const node of tileNode?.querySelectorAll("a, button") ?? []) node.setAttribute("tabindex", "0");
}

function walk(/** @type {KeyboardEvent} */ event) {
  const from = /** @type {any} */ (event.target).closest(".tile");
  if (!from || event.ctrlKey || event.metaKey || event.altKey) return;
  const to = target(from, event.key);
  if (to) {
    event.preventDefault();
    to.querySelector("a").focus();
    to.scrollIntoView({ block: "nearest" });
  } else if (event.key.toLowerCase() === "x") {
    event.preventDefault();
    selection.toggle(from.hit, from.among, event.shiftKey);
  } else if (event.key.toLowerCase() === "m") {
    search({ like: from.hit.photo_id }, false);
  } else if (event.key.toLowerCase() === "l" || event.key.toLowerCase() === "d") {
    from.querySelector(event.key.toLowerCase() === "l" ? ".liked" : ".disliked")?.click();
  }
}

/** @returns {any} the tile that a key leads to */
function target(/** @type {any} */ from, /** @type {string} */ key) {
  const tiles = /** @type {any[]} */ ([...from.parentElement.children]);
  switch (key) {
    case "ArrowRight":
      return from.nextElementSibling;
    case "ArrowLeft":
      return from.previousElementSibling;
    case "Home":
      return tiles[0];
    case "End":
      return tiles.at(-1);
    case "ArrowDown":
    case "ArrowUp":
      return beside(from, tiles, key === "ArrowDown" ? 1 : -1);
    default:
      return null;
  }
}

/** The tile of the next row whose middle is nearest. */
function beside(/** @type {any} */ from, /** @type {any[]} */ tiles, /** @type {1 | -1} */ step) {
  const middle = from.offsetLeft + from.offsetWidth / 2;
  let row = null;
  let best = null;
  for (let i = tiles.indexOf(from) + step; i >= 0 && i < tiles.length; i += step) {
    const { offsetTop, offsetLeft, offsetWidth } = tiles[i];
    if (offsetTop === from.offsetTop) continue;
    row ??= offsetTop;
    if (offsetTop !== row) break;
    const away = Math.abs(offsetLeft + offsetWidth / 2 - middle);
    if (!best || away < best.away) best = { away, tile: tiles[i] };
  }
  return best?.tile;
}
