/** The page: its address leads, everything follows. */

import * as bar from "./bar.js";
import * as detail from "./detail.js";
import { byId } from "./dom.js";
import { t, translate } from "./i18n.js";
import * as library from "./library.js";
import { toast, watch } from "./notices.js";
import * as order from "./order.js";
import * as results from "./results.js";
import * as searchbox from "./searchbox.js";
import * as selection from "./selection.js";
import * as settings from "./settings.js";
import * as sql from "./sql.js";
import { HOME, asks, go, search, start, state } from "./state.js";

/** @typedef {{follow(): void, hide(): void, hits(): import("./api.js").Hit[]}} Room */

/** @type {Record<"map" | "duplicates" | "quality", () => Promise<Room>>} */
const ROOMS = { map: () => import("./rooms/map.js"), duplicates: () => import("./rooms/duplicates.js"), quality: () => import("./rooms/quality.js") };
const TITLES = { library: "indexing.title", map: "map.title", duplicates: "duplicates.title", quality: "quality.title" };

/** @type {{page: string, room: Room} | null} */
let entered = null;

/** @param {import("./state.js").State} now @param {"start" | "go" | "back"} why */
function follow(now, why) {
  const view = now.page || (asks(now) || now.sql !== null ? "results" : "home");
  document.body.dataset.view = view;
  searchbox.follow();
  order.follow();
  if (now.page !== "library") library.hide();
  if (entered && entered.page !== now.page) {
    entered.room.hide();
    entered = null;
  }
  if (now.page) {
    results.leave();
    void sql.follow();
    if (now.page === "library") library.show();
    else void enter(now.page);
  } else {
    if (sql.takesOver()) results.leave();
    else void results.follow(why).then(() => detail.follow(hits()));
    void sql.follow().then(() => detail.follow(hits()));
    if (sql.takesOver()) bar.hide();
  }
  detail.follow(hits());
  document.title = now.page ? `${t(TITLES[now.page])} · vistazo` : asks(now) ? `${bar.titleOf()} · vistazo` : "vistazo";
}

/** Show a room, whose modules are loaded when it is first entered. @param {"map" | "duplicates" | "quality"} page */
async function enter(page) {
  if (!entered) {
    byId("view").replaceChildren();
    try {
      const room = await ROOMS[page]();
      if (entered || state().page !== page) return;
      entered = { page, room };
    } catch {
      return toast(t("error.gone"));
    }
  }
  entered.room.follow();
  detail.follow(hits());
}

const hits = () => (entered ? entered.room.hits() : sql.takesOver() ? sql.hits() : results.hits());

/** Everything anew: the language has changed, or the server is there again. */
function again() {
  translate();
  results.leave();
  results.refresh();
  entered?.room.hide();
  byId("sql").replaceChildren();
  order.refresh();
  follow(state(), "go");
}

function shortcuts(/** @type {KeyboardEvent} */ event) {
  const typing = /** @type {Element} */ (event.target).closest("input, textarea, select");
  const dialog = document.querySelector("dialog[open]");
  if (event.key === "Escape" && !dialog) {
    if (bar.closeMenus()) event.preventDefault();
    else if (typing === byId("q")) byId("q").blur();
    else if (!typing) selection.clear();
  } else if (event.key === "/" && !typing && !dialog && !event.ctrlKey && !event.metaKey && settings.singleKeys()) {
    event.preventDefault();
    byId("q").focus();
    byId("q").select();
  } else if (event.key.startsWith("Arrow") && document.activeElement === byId("main")) {
    // From a new search straight into its photos.
    event.preventDefault();
    /** @type {HTMLElement | null} */ (document.querySelector('.tile a[tabindex="0"]'))?.focus();
  }
}

/** Links of the page itself: no new document. */
function inside(/** @type {MouseEvent} */ event, /** @type {() => void} */ then) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  then();
}

translate();
settings.start(again);
searchbox.start();
watch(again);
detail.start(hits);
byId("brand").addEventListener("click", (/** @type {MouseEvent} */ event) => inside(event, () => search({}, false)));
byId("to-library").addEventListener("click", (/** @type {MouseEvent} */ event) => inside(event, () => go({ ...HOME, page: "library" })));
byId("to-map").addEventListener("click", (/** @type {MouseEvent} */ event) => inside(event, () => go({ ...HOME, filters: state().filters, page: "map" })));
document.addEventListener("keydown", shortcuts);
document.addEventListener("click", (event) => bar.closeMenus(event.target));
start(follow);
