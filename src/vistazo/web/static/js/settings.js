/** Choices that stay with this browser: theme, language, shortcuts. */

import { byId, el } from "./dom.js";
import { language, setLanguage, t } from "./i18n.js";
import { narrowSheet } from "./sheet.js";

const THEME = "vistazo.theme";
const SINGLE_KEYS = "vistazo.keys";

/** @param {() => void} onLanguage shows everything anew */
export function start(onLanguage) {
  byId("theme").addEventListener("click", () => {
    const next = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    keep(THEME, next);
  });
  byId("language").addEventListener("click", () => {
    setLanguage(language() === "es" ? "en" : "es");
    onLanguage();
  });
  byId("keys").addEventListener("click", showKeys);
}

function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Whether single keys, such as `/`, are shortcuts: voice control may want them not to be. */
export function singleKeys() {
  try {
    return localStorage.getItem(SINGLE_KEYS) !== "off";
  } catch {
    return true;
  }
}

function keep(/** @type {string} */ name, /** @type {string} */ value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Without storage the choice lasts until the page is left.
  }
}

/** The keyboard's shortcuts, and the switch for single keys. */
export function showKeys() {
  const rows = /** @type {[string[], string][]} */ ([
    [["/"], "keys.search"],
    [["←", "→", "↑", "↓"], "keys.arrows"],
    [["Enter"], "keys.open"],
    [["X"], "keys.select"],
    [["M"], "keys.similar"],
    [["L"], "keys.liked"],
    [["D"], "keys.disliked"],
    [["Esc"], "keys.close"],
    [["Ctrl", "Enter"], "keys.run"],
  ]);
  narrowSheet(
    t("keys.title"),
    el("dl.keys", {}, ...rows.flatMap(([keys, what]) => [el("dt", {}, ...keys.map((key) => el("kbd", {}, key))), el("dd", {}, t(what))])),
    el(
      "label.check-line",
      {},
      el("input", { type: "checkbox", checked: singleKeys(), onchange: (/** @type {any} */ event) => keep(SINGLE_KEYS, event.target.checked ? "on" : "off") }),
      t("keys.on"),
    ),
  );
}
