/** The language of the page: texts, numbers and dates. */

import { WORDS } from "./words.js";

/** @typedef {"en" | "es"} Language */

/** @returns {Language} */
export function language() {
  return document.documentElement.lang === "es" ? "es" : "en";
}

/** @param {Language} wanted */
export function setLanguage(wanted) {
  document.documentElement.lang = wanted;
  try {
    localStorage.setItem("vistazo.language", wanted);
  } catch {
    // Without storage the choice lasts until the page is left.
  }
}

/**
 * A text of the catalogue, filled in.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const pair = WORDS[key];
  if (!pair) throw new Error(`no words for ${key}`);
  const forms = pair[language() === "es" ? 1 : 0].split("|");
  const text = forms.length > 1 && values.n !== 1 ? forms[1] : forms[0];
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? number(value) : String(value ?? "");
  });
}

/** Whether the catalogue has words under a key: for names that the server chooses. */
export const has = (/** @type {string} */ key) => Object.hasOwn(WORDS, key);

/** @param {number} value @param {Intl.NumberFormatOptions} [options] */
export const number = (value, options) =>
  new Intl.NumberFormat(language(), { useGrouping: "always", ...options }).format(value);

/** A score as it is shown everywhere. */
export const score = (/** @type {number} */ value) =>
  number(value, { minimumFractionDigits: 3, maximumFractionDigits: 3 });

/** @param {number} value */
export function bytes(value) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const step = Math.min(3, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
  return number(value / 1000 ** step, {
    style: "unit",
    unit: units[step],
    maximumFractionDigits: step > 1 ? 1 : 0,
  });
}

/** A local time of a camera; what cannot be read is shown as it came. */
export function moment(/** @type {string} */ iso) {
  const date = new Date(iso);
  if (Number.isNaN(date.valueOf())) return iso;
  return date.toLocaleString(language(), { dateStyle: "long", timeStyle: "short" });
}

/** `2024-03-01` as "March 2024". */
export function month(/** @type {string} */ iso, /** @type {"short" | "long"} */ form = "long") {
  const date = new Date(`${iso.slice(0, 7)}-01T00:00:00Z`);
  return date.toLocaleDateString(language(), { month: form, year: "numeric", timeZone: "UTC" });
}

/** The name of a country by its code of two letters. */
export function country(/** @type {string} */ code) {
  if (!code) return t("filter.unknown");
  try {
    return new Intl.DisplayNames([language()], { type: "region" }).of(code) ?? code;
  } catch {
    return code;
  }
}

/** Fill in what the document itself says: `data-t` its text, `data-t-NAME` an attribute. */
export function translate(/** @type {ParentNode} */ root = document) {
  for (const node of root.querySelectorAll("[data-t]")) {
    node.textContent = t(/** @type {HTMLElement} */ (node).dataset.t ?? "");
  }
  for (const name of ["aria-label", "placeholder", "title"]) {
    for (const node of root.querySelectorAll(`[data-t-${name}]`)) {
      node.setAttribute(name, t(node.getAttribute(`data-t-${name}`) ?? ""));
    }
  }
}
