/** Photos that the user has picked out, and what can be done with them together. */

import { exported } from "./api.js";
import { byId, button, el } from "./dom.js";
import { t } from "./i18n.js";
import { toast, toastError, working } from "./notices.js";
import { showDownloads } from "./ranking.js";

/** @typedef {import("./api.js").Hit} Hit */

/** @type {Map<string, Hit>} */
const chosen = new Map();
let selecting = false;
let last = "";

export const has = (/** @type {string} */ id) => chosen.has(id);
export const isSelecting = () => selecting || chosen.size > 0;

/** Whether a click picks a photo out instead of opening it. @param {boolean} on */
export function selectMode(on) {
  selecting = on;
  if (!on) chosen.clear();
  show();
}

/**
 * Pick a photo out, or put it back.
 * @param {Hit} hit
 * @param {Hit[]} among the photos around it, in order
 * @param {boolean} range take all from the last one on, as well
 */
export function toggle(hit, among, range) {
  const from = among.findIndex((other) => other.photo_id === last);
  const to = among.findIndex((other) => other.photo_id === hit.photo_id);
  if (range && from >= 0 && to >= 0) {
    for (const other of among.slice(Math.min(from, to), Math.max(from, to) + 1)) chosen.set(other.photo_id, other);
  } else if (!chosen.delete(hit.photo_id)) {
    chosen.set(hit.photo_id, hit);
  }
  last = hit.photo_id;
  show();
}

/** Pick all of these out too. @param {Hit[]} hits */
export function addAll(hits) {
  for (const hit of hits) chosen.set(hit.photo_id, hit);
  show();
}

/** Let go of all. @returns {boolean} whether there was something to let go of */
export function clear() {
  const some = isSelecting();
  selectMode(false);
  return some;
}

/** Show what is chosen: on the tiles, and in the bar below. */
export function show() {
  document.body.classList.toggle("selecting", isSelecting());
  byId("select")?.setAttribute("aria-pressed", String(isSelecting()));
  for (const tile of document.querySelectorAll(".tile[data-id]")) {
    const on = chosen.has(tile.getAttribute("data-id") ?? "");
    tile.classList.toggle("chosen", on);
    tile.querySelector(".check")?.setAttribute("aria-pressed", String(on));
  }
  const bar = byId("selection");
  bar.hidden = chosen.size === 0;
  if (bar.hidden) return bar.replaceChildren();
  const counted = el("strong", { role: "status" }, t("selection.count", { n: chosen.size }));
  if (bar.firstChild) return bar.firstChild.replaceWith(counted);
  bar.replaceChildren(
    counted,
    button("strong", "chart", t("selection.downloads"), () => void showDownloads([...chosen.values()])),
    ...["csv", "parquet", "zip"].map((format) => exporter(format)),
    button("bare", "close", t("selection.clear"), () => clear()),
  );
}

function exporter(/** @type {string} */ format) {
  const name = { csv: "CSV", parquet: "Parquet", zip: "ZIP" }[format] ?? format;
  return button("plain", null, name, () => void save(format), {
    "aria-label": t("selection.export", { what: name }),
    title: t("selection.export", { what: name }),
  });
}

async function save(/** @type {string} */ format) {
  working(true);
  try {
    const { blob, name } = await exported(format, [...chosen.keys()]);
    hand(blob, name);
    toast(t("selection.exported", { what: name }));
  } catch (error) {
    toastError(error);
  } finally {
    working(false);
  }
}

/** Give a file to the browser to keep. */
function hand(/** @type {Blob} */ blob, /** @type {string} */ name) {
  const url = URL.createObjectURL(blob);
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
