/** What the page tells: a passing word, the server's absence, and states that say what to do. */

import { get, line } from "./api.js";
import { byId, button, el, icon } from "./dom.js";
import { t } from "./i18n.js";

const TOAST_MS = 4000;
const RETRY_MS = 2000;

let fading = 0;
let asking = 0;
/** @type {() => void} */
let again = () => {};

/** A word in passing; read out by screen readers. @param {string} text */
export function toast(text) {
  clearTimeout(fading);
  const node = byId("toast");
  // In the top layer, so that an open dialog does not cover it.
  node.hidePopover();
  node.showPopover();
  node.textContent = text;
  fading = window.setTimeout(() => node.hidePopover(), TOAST_MS);
}

/** @param {unknown} error what a request ended with; what was called off is no error */
export function toastError(error) {
  const { name, message } = /** @type {Error} */ (error);
  if (name !== "AbortError" && !(/** @type {any} */ (error).gone)) toast(message);
}

/** Watch the line to the server. @param {() => void} retry what to do when it answers again */
export function watch(retry) {
  again = retry;
  line.lost = () => {
    if (!byId("banner").hidden) return;
    byId("banner").replaceChildren(
      el("span", {}, t("error.gone")),
      button("plain", null, t("error.retry"), () => void ask()),
    );
    byId("banner").hidden = false;
    later();
  };
  line.found = () => {
    clearTimeout(asking);
    if (byId("banner").hidden) return;
    byId("banner").hidden = true;
    toast(t("error.back"));
    again();
  };
}

function later() {
  clearTimeout(asking);
  asking = window.setTimeout(() => void ask(), RETRY_MS);
}

async function ask() {
  try {
    await get("/health");
  } catch {
    later();
  }
}

/** Whether work is under way, as a line at the page's top. @param {boolean} on */
export function working(on) {
  byId("working").hidden = !on;
  byId("main").setAttribute("aria-busy", String(on));
}

/**
 * A whole state in place of photos: what is so, and what to do about it.
 * @param {string} iconName @param {string} title @param {string} hint
 * @param {...HTMLElement} actions
 */
export function says(iconName, title, hint, ...actions) {
  return el(
    "div.says",
    {},
    icon(iconName),
    el("h2", {}, title),
    hint && el("p.quiet", { dir: "auto" }, hint),
    actions.length > 0 && el("div.actions", {}, ...actions),
  );
}
