/** The map: photos in the plane with their themes; an area of it is a set of photos. */

import { ApiError, filterOf, get, photosOf } from "../api.js";
import * as bar from "../bar.js";
import { button, byId, el } from "../dom.js";
import { putGrid } from "../grid.js";
import { t } from "../i18n.js";
import { says, toastError, working } from "../notices.js";
import * as selection from "../selection.js";
import { HOME, go, open, state, whereOf } from "../state.js";
import { inside, outlineOf, textOf } from "./outline.js";
import { plane } from "./plane.js";

/**
 * @typedef {{photo_id: string, x: number, y: number, theme: number}} Place
 * @typedef {{words: string[], photos: number, x: number, y: number, example: string}} Theme
 * @typedef {{places: Place[], themes: Theme[], total: number}} Map_
 */

const AGAIN_MS = 1500;
const AT_ONCE = 96;
// Ids that still fit into an address.
const SHARED = 200;

/** @type {Map_ | null} */
let map = null;
let where = "";
/** @type {import("../api.js").Hit[]} */
let found = [];
/** @type {AbortController | null} */
let asking = null;
/** @type {ReturnType<typeof plane> | null} */
let drawn = null;
let areaKey = "";

export const hits = () => found;

const nameOf = (/** @type {Theme} */ theme) => theme.words.join(", ");

/** Show what the address says. */
export function follow() {
  const wanted = whereOf(state().filters);
  bar.showPlain();
  if (map && drawn && wanted === where) return area();
  hide();
  bar.showPlain();
  where = wanted;
  void load();
}

export function hide() {
  asking?.abort();
  drawn?.stop();
  drawn = null;
  map = null;
  found = [];
  areaKey = "";
  byId("view").replaceChildren();
}

async function load() {
  asking = new AbortController();
  const { signal } = asking;
  const since = Date.now();
  const said = el("p.quiet", { role: "status" }, t("map.making"));
  const meter = el("progress", { "aria-label": t("map.making") });
  byId("view").replaceChildren(el("div.waiting", {}, said, meter));
  const ticking = setInterval(() => void tick(), AGAIN_MS);
  const tick = async () => {
    said.textContent = `${t("map.making")} ${t("map.seconds", { n: Math.round((Date.now() - since) / 1000) })}`;
    const { done, total } = await get("/map/progress", { where }, signal).catch(() => ({ done: 0, total: 0 }));
    if (!total) return;
    meter.max = total;
    meter.value = done;
  };
  working(true);
  try {
    const made = await patiently(signal);
    map = made;
    show(made);
  } catch (error) {
    if (signal.aborted) return;
    byId("view").replaceChildren(says("map", t("error.title"), /** @type {Error} */ (error).message, button("strong", null, t("error.retry"), () => void load())));
  } finally {
    clearInterval(ticking);
    if (!signal.aborted) working(false);
  }
}

/** Ask until another one's map is made. @returns {Promise<Map_>} */
async function patiently(/** @type {AbortSignal} */ signal) {
  for (;;) {
    try {
      return await get("/map", where ? { where } : {}, signal);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 503 || error.code !== "busy") throw error;
      await new Promise((done) => setTimeout(done, AGAIN_MS));
      signal.throwIfAborted();
    }
  }
}

function show(/** @type {Map_} */ made) {
  if (!made.places.length) {
    const clear = button("strong", null, t("filter.clear"), () => go({ filters: [], lasso: "", theme: "" }));
    return byId("view").replaceChildren(where ? says("map", t("empty.none"), t("empty.noneHint"), clear) : says("map", t("empty.library"), t("empty.libraryHint")));
  }
  const counted = [t("results.photos", { n: made.places.length }), t("map.themes", { n: made.themes.length })].join(" · ");
  const left = made.total > made.places.length ? ` ${t("map.some", { n: made.total })}` : "";
  drawn = plane(made, {
    name: nameOf,
    onPhoto: (photo) => open({ photo }),
    onTheme: (theme) => go({ theme: nameOf(theme), lasso: "" }),
    onOutline: (points) => go({ lasso: textOf(points), theme: "" }),
  });
  byId("view").replaceChildren(
    el("p.map-said.quiet", {}, counted + left, " · ", t("map.hint")),
    drawn.node,
    el("section", { id: "area", "aria-live": "polite" }),
  );
  drawn.start();
  area();
}

/** The photos of the area that the address names. */
function area() {
  const { theme, lasso } = state();
  const made = /** @type {Map_} */ (map);
  const key = `${theme}\n${lasso}`;
  if (key === areaKey) return;
  areaKey = key;
  const at = theme ? made.themes.findIndex((each) => nameOf(each) === theme) : -1;
  const outline = lasso ? outlineOf(lasso) : [];
  const chosen = at >= 0 ? made.places.filter((place) => place.theme === at) : outline.length ? made.places.filter((place) => inside(outline, place)) : null;
  drawn?.mark(chosen, outline, at);
  found = [];
  const place = byId("area");
  if (!chosen) {
    const gone = theme || lasso;
    return place.replaceChildren(gone ? el("p.after", {}, t("map.gone")) : "");
  }
  const ids = chosen.map((each) => each.photo_id);
  const grid = el("div", {});
  place.replaceChildren(
    el(
      "div.area-head",
      {},
      el("h2", {}, at >= 0 ? theme : t("map.area")),
      el("span.quiet", {}, t("results.photos", { n: ids.length })),
      ids.length > 0 && button("plain", "check", t("map.select"), () => selection.addAll(ids.map((id) => found.find((hit) => hit.photo_id === id) ?? bareHit(id)))),
      ids.length > 0 && ids.length <= SHARED && button("plain", "search", t("map.asSearch"), () => go({ ...HOME, filters: [filterOf(ids)] })),
      button("plain", "close", t("map.clear"), () => go({ theme: "", lasso: "" })),
    ),
    grid,
  );
  if (ids.length) void fill(grid, ids, key);
}

const bareHit = (/** @type {string} */ photo_id) => ({ photo_id, score: null, description: "", width: 0, height: 0, attributes: {} });

async function fill(/** @type {HTMLElement} */ place, /** @type {string[]} */ ids, /** @type {string} */ key) {
  const after = el("div.after", { role: "status" });
  const grid = putGrid(place, t("map.area"), after);
  let at = 0;
  const more = async () => {
    working(true);
    try {
      const part = await photosOf(ids.slice(at, at + AT_ONCE));
      if (key !== areaKey) return;
      at += AT_ONCE;
      found.push(...part);
      grid.add(part);
      selection.show();
      after.replaceChildren(at < ids.length ? button("plain", null, t("results.more"), () => void more()) : "");
    } catch (error) {
      toastError(error);
    } finally {
      working(false);
    }
  };
  await more();
}
