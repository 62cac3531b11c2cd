/** The bar above the photos: what is shown, filters to choose from, tools. */

import { get } from "./api.js";
import { byId, button, el, foreign, icon } from "./dom.js";
import * as feedback from "./feedback.js";
import { country, has, number, t } from "./i18n.js";
import * as order from "./order.js";
import { showViewDownloads } from "./ranking.js";
import * as results from "./results.js";
import * as selection from "./selection.js";
import { go, queryOf, state } from "./state.js";

const FACETS = "category,camera,year,photographer,country,format";
const PLAIN = /^(\w+(?:\.\w+)?) = (?:'((?:[^'\\]|\\.|'')*)'|"((?:[^"\\]|\\.)*)"|(\S+))$/;

/** @type {AbortController | null} */
let asking = null;

/** What the photos are, in words. */
export function titleOf() {
  const { q, url, like, image, filters, liked, page } = state();
  if (page === "map" || page === "duplicates" || page === "quality") return t(`${page}.title`);
  if (q) return t("results.text", { what: q });
  if (like) return t("results.like");
  if (image) return t("results.image");
  if (url) return t("results.url", { what: url });
  if (liked.length) return t("results.liked");
  return filters.length ? t("results.filtered") : t("home.newest");
}

/** A filter in words: "Camera: Canon" for what a menu offers, else as it was typed. */
export function nameOfFilter(/** @type {string} */ filter) {
  // A country may stand in one of two columns; the menu's filter asks for both.
  const found = PLAIN.exec(filter.startsWith("attributes.country = ") ? filter.split(" or attributes.")[0] : filter);
  if (!found) return filter;
  const value = (found[2] ?? found[3] ?? found[4]).replace(/\\(.)|''/g, (_, kept) => kept ?? "'");
  return `${nameOfFacet(found[1])}: ${valueOf(found[1], value)}`;
}

function nameOfFacet(/** @type {string} */ field) {
  const name = field.replace("attributes.", "");
  return has(`filter.${name}`) ? t(`filter.${name}`) : name;
}

const valueOf = (/** @type {string} */ facet, /** @type {string} */ value) =>
  !value ? t("filter.unknown") : /^[A-Z]{2}$/.test(value) && facet.endsWith("country") ? country(value) : value;

/** The bar for an answer. @param {import("./api.js").Found} found */
export function show(found) {
  const { filters } = state();
  const searched = found.query.kind !== "newest";
  const stages = found.explain?.stages_ms ?? {};
  const took = Math.round(Object.values(stages).reduce((sum, ms) => sum + ms, 0));
  const counted = t(searched ? "results.best" : "results.photos", { n: found.total });
  const why = found.explain && found.explain.path ? `${found.explain.path}: ${found.explain.reason}` : null;
  const menus = el("div.menus", { role: "group", "aria-label": t("filter.label") });
  byId("bar").replaceChildren(
    el("div.head", {}, title(), el("p.count", { title: why }, searched && took ? `${counted} · ${t("results.time", { n: took })}` : counted)),
    menus,
    el("div.actions", {}, ...tools(found)),
    el("div.chips", {}, ...feedback.chips(), ...filters.map(chip), filters.length > 1 && button("plain", null, t("filter.clear"), () => go({ filters: [] }))),
  );
  if (found.total > 0) void offer(menus);
}

/** The bar where there is no answer: what was asked, and the filters to take away. */
export function showPlain() {
  asking?.abort();
  byId("bar").replaceChildren(title(), el("div.chips", {}, ...feedback.chips(), ...state().filters.map(chip)));
}

/** What is being looked for, while the answer is on its way; the rest of the bar stays. */
export function announce() {
  const head = byId("bar").querySelector(".head");
  if (head) head.replaceChildren(title());
  else byId("bar").replaceChildren(el("div.head", {}, title()));
}

/** No bar: a statement's rows have the place. */
export function hide() {
  asking?.abort();
  byId("bar").replaceChildren();
}

const title = () => el(document.body.dataset.view === "home" ? "h2" : "h1", { dir: "auto" }, titleOf());

function tools(/** @type {import("./api.js").Found} */ found) {
  if (!found.hits.length) return [order.opener(), sqlButton()];
  return [
    order.opener(),
    button("plain", "chart", t("tool.downloads"), () => void showViewDownloads(results.hits(), queryOf(state())), { id: "downloads", title: t("tool.downloads") }),
    sqlButton(),
    button("plain", "check", t("tool.select"), () => selection.selectMode(!selection.isSelecting()), { id: "select", title: t("tool.select"), "aria-pressed": String(selection.isSelecting()) }),
  ];
}

const sqlButton = () =>
  button("plain", "code", t("tool.sql"), () => go({ sql: state().sql === null ? "" : null }), { id: "sql-open", title: t("tool.sql"), "aria-expanded": String(state().sql !== null), "aria-controls": "sql" });

function chip(/** @type {string} */ filter) {
  const name = nameOfFilter(filter);
  return el(
    "button.chip",
    { type: "button", "aria-label": t("filter.remove", { what: name }), onclick: () => go({ filters: state().filters.filter((other) => other !== filter) }) },
    el("span", {}, foreign(name)),
    icon("close"),
  );
}

async function offer(/** @type {HTMLElement} */ menus) {
  asking?.abort();
  asking = new AbortController();
  try {
    const { facets } = await get("/facets", { ...queryOf(state()), of: FACETS }, asking.signal);
    menus.replaceChildren(...facets.filter((/** @type {any} */ facet) => facet.values.length > 1).map(menu), own());
  } catch {
    // Filters are an offer: photos are there without them.
    menus.replaceChildren();
  }
}

function menu(/** @type {{name: string, values: {value: string, count: number, where: string}[]}} */ { name, values }) {
  const chosen = state().filters;
  return dropdown(
    nameOfFacet(name),
    ...values.map(({ value, count, where }) =>
      el(
        "button.choice",
        {
          type: "button",
          "aria-pressed": String(chosen.includes(where)),
          onclick: () => go({ filters: chosen.includes(where) ? chosen.filter((other) => other !== where) : [...chosen, where] }),
        },
        foreign(valueOf(name, value)),
        el("span.count", {}, number(count)),
      ),
    ),
  );
}

function own() {
  const field = el("input.field", { id: "own-filter", type: "text", spellcheck: false, autocomplete: "off", required: true, maxlength: "2000" });
  return dropdown(
    t("filter.own"),
    el(
      "form",
      {
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          const filter = field.value.trim();
          if (filter && !state().filters.includes(filter)) go({ filters: [...state().filters, filter] });
        },
      },
      el("label", { for: "own-filter" }, t("filter.ownLabel")),
      field,
      el("p", {}, t("filter.ownHint")),
      el("button.strong", { type: "submit" }, t("filter.add")),
    ),
  );
}

function dropdown(/** @type {string} */ label, /** @type {any[]} */ ...choices) {
  return el("details.menu", { name: "filter" }, el("summary.plain", {}, label, icon("down")), el("div.choices", {}, ...choices));
}

/** Close a menu that is open. @returns {boolean} whether one was */
export function closeMenus(/** @type {EventTarget | null} */ except = null) {
  let closed = false;
  for (const node of byId("bar").querySelectorAll("details[open]")) {
    if (except instanceof Node && node.contains(except)) continue;
    node.open = false;
    if (!except) node.querySelector("summary").focus();
    closed = true;
  }
  return closed;
}

