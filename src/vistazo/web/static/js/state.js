/**
 * What the page shows, as its address says it: every state can be shared, gone back to, and
 * opened anew.
 *
 * @typedef {object} State
 * @property {string} q      words
 * @property {string} url    address of a picture
 * @property {string} like   id of a photo
 * @property {string} image  key of a picture that was given to the server
 * @property {string[]} filters  conditions that all hold
 * @property {string[]} liked     ids of photos that the query is moved towards
 * @property {string[]} disliked  and away from
 * @property {"" | "picture" | "words"} mode  where words are looked for; "": in both
 * @property {number} popular  what downloads count in the order, 0 to 1
 * @property {number} diverse  what likeness to hits before costs, 0 to 1
 * @property {boolean} fold    leave out near-duplicates
 * @property {boolean} all     show hits also where nothing really matches
 * @property {string} photo  id of the open photo
 * @property {string | null} sql  null: the panel is closed; "": it shows the view's own statement
 * @property {"" | "grid"} rows  how rows of a statement are shown
 * @property {"" | "library" | "map" | "duplicates" | "quality"} page
 * @property {string} theme  name of a theme of the map
 * @property {string} lasso  an outline on the map
 */

/** How photos are put in order where nobody wishes for another one. */
export const USUAL = { mode: /** @type {State["mode"]} */ (""), popular: 0, diverse: 0, fold: false, all: false };

/** @type {State} */
export const HOME = { q: "", url: "", like: "", image: "", filters: [], liked: [], disliked: [], ...USUAL, photo: "", sql: null, rows: "", page: "", theme: "", lasso: "" };

const KINDS = /** @type {const} */ (["q", "url", "like", "image"]);
const JUDGED = /** @type {const} */ (["liked", "disliked"]);
const SHARES = /** @type {const} */ (["popular", "diverse"]);
const PAGES = /** @type {const} */ (["library", "map", "duplicates", "quality"]);
const SWITCHES = /** @type {const} */ (["fold", "all"]);

/** @param {string} search @returns {State} */
export function read(search) {
  const given = new URLSearchParams(search);
  /** @type {State} */
  const state = { ...HOME, filters: given.getAll("filter").filter(Boolean), photo: given.get("photo") ?? "" };
  // One kind of query at a time; the first that is given counts.
  const kind = KINDS.find((name) => given.get(name));
  if (kind) state[kind] = given.get(kind) ?? "";
  state.sql = given.get("sql");
  state.rows = given.get("rows") === "grid" ? "grid" : "";
  state.page = PAGES.find((page) => page === given.get("page")) ?? "";
  if (state.page === "map") {
    state.theme = given.get("theme") ?? "";
    state.lasso = state.theme ? "" : (given.get("lasso") ?? "");
  }
  state.liked = idsOf(given, "liked");
  state.disliked = idsOf(given, "disliked").filter((id) => !state.liked.includes(id));
  const mode = given.get("mode");
  if (mode === "picture" || mode === "words") state.mode = mode;
  for (const name of SHARES) state[name] = shareOf(given.get(name));
  for (const name of SWITCHES) state[name] = given.get(name) === "1";
  return state;
}

const idsOf = (/** @type {URLSearchParams} */ given, /** @type {string} */ name) => [...new Set(given.getAll(name).filter(Boolean))];

function shareOf(/** @type {string | null} */ text) {
  const share = Number(text);
  return share > 0 && share <= 1 ? share : 0;
}

/** @param {State} state the address, from the root */
export function address(state) {
  const given = new URLSearchParams();
  for (const kind of KINDS) if (state[kind]) given.set(kind, state[kind]);
  for (const filter of state.filters) given.append("filter", filter);
  for (const name of JUDGED) for (const id of state[name]) given.append(name, id);
  if (state.mode) given.set("mode", state.mode);
  for (const name of SHARES) if (state[name]) given.set(name, String(state[name]));
  for (const name of SWITCHES) if (state[name]) given.set(name, "1");
  if (state.sql !== null) given.set("sql", state.sql);
  if (state.sql !== null && state.rows) given.set("rows", state.rows);
  if (state.page) given.set("page", state.page);
  if (state.page === "map" && state.theme) given.set("theme", state.theme);
  if (state.page === "map" && state.lasso) given.set("lasso", state.lasso);
  if (state.photo) given.set("photo", state.photo);
  const text = given.toString();
  return text ? `/?${text}` : "/";
}

/** What of a state decides which photos are found. @param {State} state */
export function queryOf(state) {
  /** @type {Record<string, string | string[]>} */
  const query = {};
  if (state.q) query.q = state.q;
  else if (state.url) query.url = state.url;
  else if (state.like) query.photo_id = state.like;
  else if (state.image) query.image_key = state.image;
  const where = whereOf(state.filters);
  if (where) query.where = where;
  return ranks(state) ? { ...query, ...wishesOf(state) } : query;
}

/** Whether photos stand in an order of fitting: the newest do not. @param {State} state */
export const ranks = (state) => KINDS.some((kind) => state[kind]) || state.liked.length > 0;

/** How hits are wished for, as the server takes it. @param {State} state */
export function wishesOf(state) {
  /** @type {Record<string, string | string[]>} */
  const wishes = {};
  if (state.liked.length) wishes.like = state.liked;
  if (state.disliked.length) wishes.dislike = state.disliked;
  // Only what is typed has words.
  if (state.q && state.mode) wishes.mode = state.mode;
  for (const name of SHARES) if (state[name]) wishes[name] = String(state[name]);
  if (state.fold) wishes.fold = "true";
  if (state.all) wishes.cut = "false";
  return wishes;
}

/** Whether an order is wished for that is not the usual one. @param {State} state */
export const isUnusual = (state) => Object.entries(USUAL).some(([name, value]) => state[/** @type {keyof typeof USUAL} */ (name)] !== value);

/** @param {string[]} filters */
export function whereOf(filters) {
  return filters.length > 1 ? filters.map((filter) => `(${filter})`).join(" and ") : (filters[0] ?? "");
}

/** @param {State} state whether anything is asked for */
export const asks = (state) => ranks(state) || state.filters.length > 0;

/** The same for two states exactly when they find the same photos. @param {State} state */
export const keyOf = (state) => JSON.stringify(queryOf(state));

/** @typedef {(state: State, why: "start" | "go" | "back") => void} Listener */

/** @type {State} */
let current = { ...HOME };
/** @type {Listener} */
let listener = () => {};
/** How many steps of ours are behind: closing goes back only where there is somewhere of ours. */
let depth = 0;

export const state = () => current;

/** Take the state from the address and follow it. @param {Listener} follow */
export function start(follow) {
  listener = follow;
  depth = history.state?.depth ?? 0;
  history.scrollRestoration = "manual";
  addEventListener("popstate", () => {
    depth = history.state?.depth ?? 0;
    current = read(location.search);
    listener(current, "back");
  });
  current = read(location.search);
  // `page` of the REST interface's hits leads here.
  const photo = new URLSearchParams(location.hash.slice(1)).get("photo");
  if (photo) {
    current = { ...current, photo };
    history.replaceState(history.state, "", address(current));
  }
  listener(current, "start");
}

/**
 * Change the state.
 * @param {Partial<State>} changes
 * @param {{replace?: boolean}} [how] replace: no step to come back to
 */
export function go(changes, { replace = false } = {}) {
  const next = { ...current, ...changes };
  const target = address(next);
  if (target === location.pathname + location.search) replace = true;
  if (!replace) depth += 1;
  history[replace ? "replaceState" : "pushState"]({ depth }, "", target);
  current = next;
  listener(current, "go");
}

/** A new search: nothing of the earlier one stays but its order and its filters, where they are wanted. */
export function search(/** @type {Partial<State>} */ query, keepFilters = true) {
  const { mode, popular, diverse, fold } = current;
  const order = Object.keys(query).length ? { mode, popular, diverse, fold } : USUAL;
  go({ ...HOME, filters: keepFilters ? current.filters : [], ...order, ...query });
}

/** Close what was opened on top: back to where it was opened, or just without it. */
export function close(/** @type {Partial<State>} */ without) {
  if (depth > 0 && history.state?.depth === depth && opened === depth) history.back();
  else go(without, { replace: true });
}

let opened = -1;

/** Open something on top of the view. */
export function open(/** @type {Partial<State>} */ changes) {
  const replace = current.photo !== "" && changes.photo !== undefined;
  go(changes, { replace });
  if (!replace) opened = depth;
}
