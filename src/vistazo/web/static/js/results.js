/** What a query finds: the grid, page after page, and where the user was in it. */

import { ApiError, get } from "./api.js";
import { button, byId, el } from "./dom.js";
import { marked } from "./asking.js";
import * as bar from "./bar.js";
import { focusOn, focused, ghosts, putGrid } from "./grid.js";
import { t } from "./i18n.js";
import { says, toast, working } from "./notices.js";
import * as order from "./order.js";
import * as selection from "./selection.js";
import { HOME, asks, go, isUnusual, keyOf, queryOf, search, state } from "./state.js";

/** @typedef {import("./api.js").Found} Found @typedef {import("./api.js").Hit} Hit */

export const PAGE = 48;
const KEPT_VIEWS = 10;
// So many of what does not really match are shown unasked.
const NEAREST = 12;
// So many pixels before the end the next page is asked for.
const AHEAD = "1400px";

/** @typedef {{first: Found, hits: Hit[], next: string | null, scroll: number}} View */

/** Views of this visit: going back shows what was there, at once. @type {Map<string, View>} */
const kept = new Map();
let shownKey = "";
/** @type {AbortController | null} */
let asking = null;
/** @type {IntersectionObserver | null} */
let ahead = null;

/** @returns {Hit[]} those that are loaded */
export const hits = () => kept.get(shownKey)?.hits ?? [];

/** @returns {Found | undefined} the first page's answer */
export const first = () => kept.get(shownKey)?.first;

/** Keep an answer that came before its address. */
export function prime(/** @type {Partial<import("./state.js").State>} */ query, /** @type {Found} */ found) {
  keep(keyOf({ ...HOME, ...query }), viewOf(found));
}

/** Where nothing really matches, a view holds the nearest. @returns {View} */
function viewOf(/** @type {Found} */ found) {
  if (found.weak) return { first: found, hits: found.hits.slice(0, NEAREST), next: null, scroll: 0 };
  return { first: found, hits: [...found.hits], next: found.next_cursor, scroll: 0 };
}

/** Note where the user is, before the view changes. */
export function leave() {
  const view = kept.get(shownKey);
  if (view) view.scroll = scrollY;
  asking?.abort();
  ahead?.disconnect();
  shownKey = "";
}

/** Forget what was found: the library or the language has changed. */
export function refresh() {
  kept.clear();
  shownKey = "";
}

/** Show what the address asks for. @param {"start" | "go" | "back"} why */
export async function follow(why) {
  const key = keyOf(state());
  if (key === shownKey) return;
  leave();
  asking = new AbortController();
  const { signal } = asking;
  const known = kept.get(key);
  if (known) return show(key, known, why === "back" ? known.scroll : 0);
  bar.announce();
  const place = byId("view");
  const nothingYet = !place.querySelector(".grid:not([aria-hidden])");
  if (nothingYet) place.replaceChildren(ghosts());
  working(true);
  try {
    const found = await get("/search", { ...queryOf(state()), k: PAGE, explain: 1 }, signal);
    const view = viewOf(found);
    keep(key, view);
    show(key, view, 0);
  } catch (error) {
    if (signal.aborted) return;
    fail(/** @type {Error} */ (error));
  } finally {
    if (!signal.aborted) working(false);
  }
}

function keep(/** @type {string} */ key, /** @type {View} */ view) {
  kept.delete(key);
  kept.set(key, view);
  for (const old of [...kept.keys()].slice(0, -KEPT_VIEWS)) kept.delete(old);
}

function show(/** @type {string} */ key, /** @type {View} */ view, /** @type {number} */ scroll) {
  shownKey = key;
  working(false);
  const place = byId("view");
  const from = focused();
  bar.show(view.first);
  if (!view.hits.length) {
    place.replaceChildren(nothing(view.first));
    return;
  }
  const after = el("div.after", { role: "status" });
  const grid = putGrid(place, bar.titleOf(), after);
  grid.add(view.hits);
  selection.show();
  scrollTo(0, scroll);
  if (from) focusOn(grid.node, from);
  if (view.first.weak) return place.prepend(weak(view.hits.length));
  endless(view, grid, after);
  if (view.first.notice) toast(view.first.notice);
}

/** That nothing really matches, and the way to see what there is all the same. */
function weak(/** @type {number} */ shown) {
  return el(
    "div.weak",
    { role: "status" },
    el("p", {}, el("strong", {}, t("weak.title")), " ", t("weak.hint", { n: shown })),
    button("plain", null, t("weak.all"), () => go({ all: true })),
  );
}

/** Ask for the next page before its place comes into sight. */
function endless(/** @type {View} */ view, /** @type {any} */ grid, /** @type {any} */ after) {
  const signal = /** @type {AbortController} */ (asking).signal;
  let busy = false;
  const more = async () => {
    if (busy || !view.next) return;
    busy = true;
    after.textContent = t("results.loading");
    try {
      const found = await get("/search", { ...queryOf(state()), k: PAGE, cursor: view.next }, signal);
      // A library that has changed meanwhile may repeat a photo.
      const there = new Set(view.hits.map((hit) => hit.photo_id));
      const fresh = found.hits.filter((/** @type {Hit} */ hit) => !there.has(hit.photo_id));
      view.next = found.next_cursor;
      view.hits.push(...fresh);
      grid.add(fresh);
      selection.show();
      busy = false;
      rest();
    } catch (error) {
      if (signal.aborted) return;
      busy = false;
      after.replaceChildren(el("span", {}, /** @type {Error} */ (error).message), button("plain", null, t("error.retry"), () => void more()));
    }
  };
  const rest = () => {
    if (!view.next) {
      after.textContent = view.hits.length > PAGE ? t("results.end") : "";
      return ahead?.disconnect();
    }
    // The keyboard's way, and the next look of the observer's.
    after.replaceChildren(button("plain", null, t("results.more"), () => void more()));
    ahead?.disconnect();
    ahead?.observe(after);
  };
  ahead = new IntersectionObserver(([entry]) => entry.isIntersecting && void more(), { rootMargin: AHEAD });
  rest();
}

function nothing(/** @type {Found} */ found) {
  if (asks(state()) && state().filters.length) {
    return says("search", t("empty.none"), t("empty.noneHint"), button("strong", null, t("filter.clear"), () => go({ filters: [] })));
  }
  // A query's own filters, or its words, may leave nothing.
  if (found.total === 0 && !asks(state())) return emptyLibrary();
  return says("search", t("empty.none"), "", button("plain", null, t("empty.home"), () => search({}, false)));
}

const emptyLibrary = () =>
  says("picture", t("empty.library"), t("empty.libraryHint"), button("strong", "plus", t("empty.add"), () => go({ ...HOME, page: "library" })));

function fail(/** @type {Error} */ error) {
  bar.showPlain();
  if (error instanceof ApiError && error.code === "library-empty") return byId("view").replaceChildren(emptyLibrary());
  const expired = error instanceof ApiError && error.status === 410;
  const actions = [button("strong", null, t("error.retry"), () => void follow("go"))];
  // A wish for an order may be what cannot be had.
  if (isUnusual(state())) actions.push(button("plain", null, t("order.usual"), order.usual));
  if (asks(state())) actions.push(button("plain", null, t("empty.home"), () => search({}, false)));
  const told = says("search", t("error.title"), expired ? t("error.expired") : error.message, ...actions);
  if (error instanceof ApiError && error.position !== null && state().q) told.querySelector("h2")?.after(marked(state().q, error.position));
  byId("view").replaceChildren(told);
}
