/** Recent searches: kept in this browser, offered under the search box. */

import { byId, el, foreign, icon } from "./dom.js";

const NAME = "vistazo.recent";
const KEPT = 8;

/** @returns {string[]} newest first */
function read() {
  try {
    const kept = JSON.parse(localStorage.getItem(NAME) ?? "[]");
    return Array.isArray(kept) ? kept.filter((text) => typeof text === "string").slice(0, KEPT) : [];
  } catch {
    return [];
  }
}

function keep(/** @type {string[]} */ texts) {
  try {
    localStorage.setItem(NAME, JSON.stringify(texts.slice(0, KEPT)));
  } catch {
    // Without storage there are no recent searches.
  }
}

/** @param {string} text */
export function remember(text) {
  keep([text, ...read().filter((other) => other !== text)]);
}

/** @type {HTMLInputElement} */
let input;
let active = -1;
/** @type {(text: string) => void} */
let choose = () => {};

/** @param {HTMLInputElement} box @param {(text: string) => void} onChoose */
export function start(box, onChoose) {
  input = box;
  choose = onChoose;
  box.addEventListener("focus", show);
  box.addEventListener("click", show);
  box.addEventListener("input", show);
  box.addEventListener("blur", hide);
  box.addEventListener("keydown", keys);
  byId("recent").addEventListener("mousedown", (/** @type {Event} */ event) => event.preventDefault());
  byId("forget").addEventListener("click", () => {
    keep([]);
    hide();
  });
}

export function hide() {
  byId("recent").hidden = true;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
  active = -1;
}

function show() {
  const typed = input.value.trim().toLowerCase();
  const texts = read().filter((text) => text.toLowerCase().includes(typed) && text.toLowerCase() !== typed);
  if (!texts.length) return hide();
  active = -1;
  byId("recent-list").replaceChildren(
    ...texts.map((text, i) =>
      el("div", { role: "option", id: `recent-${i}`, "aria-selected": "false", onclick: () => pick(text) }, icon("clock"), el("span", {}, foreign(text))),
    ),
  );
  byId("recent").hidden = false;
  input.setAttribute("aria-expanded", "true");
}

function pick(/** @type {string} */ text) {
  input.value = text;
  hide();
  choose(text);
}

function keys(/** @type {KeyboardEvent} */ event) {
  if (event.key === "Escape" && !byId("recent").hidden) {
    event.stopPropagation();
    return hide();
  }
  if (event.key === "Enter" && active >= 0) {
    event.preventDefault();
    return options()[active].click();
  }
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  event.preventDefault();
  if (byId("recent").hidden) show();
  const all = options();
  if (!all.length) return;
  active = (active + (event.key === "ArrowDown" ? 1 : -1) + all.length + (active < 0 && event.key === "ArrowUp" ? 1 : 0)) % all.length;
  all.forEach((node, i) => node.setAttribute("aria-selected", String(i === active)));
  input.setAttribute("aria-activedescendant", all[active].id);
}

/** @returns {HTMLElement[]} */
const options = () => [...byId("recent-list").querySelectorAll('[role="option"]')];
