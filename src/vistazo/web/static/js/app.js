/** The page: its address leads, everything follows. */

import * as bar from "./bar.js";
import * as detail from "./detail.js";
import { byId } from "./dom.js";
import { t, translate } from "./i18n.js";
import * as library from "./library.js";
import { watch } from "./notices.js";
import * as order from "./order.js";
import * as results from "./results.js";
import * as searchbox from "./searchbox.js";
import * as selection from "./selection.js";
import * as settings from "./settings.js";
import * as sql from "./sql.js";
import { HOME, asks, go, search, start, state } from "./state.js";

/** @param {import("./state.js").State} now @param {"start" | "go" | "back"} why */
function follow(now, why) {
  const view = now.page === "library" ? "library" : asks(now) || now.sql !== null ? "results" : "home";
  document.body.dataset.view = view;
  searchbox.follow();
  order.follow();
  if (view === "library") {
    results.leave();
    void sql.follow();
    library.show();
  } else {
    library.hide();
    if (sql.takesOver()) results.leave();
    else void results.follow(why).then(() => detail.follow(hits()));
    void sql.follow().then(() => detail.follow(hits()));
    if (sql.takesOver()) bar.hide();
  }
  detail.follow(hits());
  document.title = now.page === "library" ? `${t("indexing.title")} · vistazo` : asks(now) ? `${bar.titleOf()} · vistazo` : "vistazo";
}

const hits = () => (sql.takesOver() ? sql.hits() : results.hits());

/** Everything anew: the language has changed, or the server is there again. */
function again() {
  translate();
  results.leave();
  results.refresh();
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
document.addEventListener("keydown", shortcuts);
document.addEventListener("click", (event) => bar.closeMenus(event.target));
start(follow);
