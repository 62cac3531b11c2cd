/** The SQL panel: the view's own statement, to read, to change and to run; it only reads. */

import { get, photosOf, post } from "./api.js";
import { byId, button, el, foreign } from "./dom.js";
import { putGrid } from "./grid.js";
import { number, t } from "./i18n.js";
import { working } from "./notices.js";
import * as selection from "./selection.js";
import { go, keyOf, open, queryOf, state } from "./state.js";

/** @typedef {import("./api.js").Hit} Hit */
/** @typedef {{columns: {name: string, type: string}[], rows: any[][], truncated: boolean, elapsed_ms: number}} Answer */

const MAX_ROWS = 500;

/** @type {Hit[]} */
let found = [];
let ownKey = "";
let ownText = "";
let ran = "";
/** @type {Answer | null} */
let answer = null;
/** @type {AbortController | null} */
let asking = null;

/** @returns {Hit[]} the photos of the rows that are shown */
export const hits = () => found;

/** Whether rows of a statement stand in place of the view's photos. */
export const takesOver = () => Boolean(state().sql);

/** Open, fill or close the panel as the address says. */
export async function follow() {
  const { sql } = state();
  const panel = byId("sql");
  byId("sql-open")?.setAttribute("aria-expanded", String(sql !== null));
  if (sql === null) {
    asking?.abort();
    panel.hidden = true;
    panel.replaceChildren();
    found = [];
    ran = "";
    return;
  }
  if (!panel.firstChild) build(panel);
  panel.hidden = false;
  byId("sql-title").replaceWith(el(sql ? "h1" : "h2", { id: "sql-title" }, t(sql ? "sql.yours" : "sql.title")));
  if (sql) {
    field().value = sql;
    grow();
    return sql === ran && answer ? show(answer) : run(sql);
  }
  found = [];
  ran = "";
  tell("");
  await fillOwn();
}

/** @returns {any} */
const field = () => byId("sql-text");

function build(/** @type {HTMLElement} */ panel) {
  panel.setAttribute("aria-label", t("sql.title"));
  const text = el("textarea.field", {
    id: "sql-text",
    rows: "5",
    spellcheck: false,
    autocapitalize: "off",
    autocomplete: "off",
    "aria-label": t("sql.label"),
    "aria-describedby": "sql-hint",
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      start();
    },
    oninput: grow,
  });
  panel.replaceChildren(
    el("div.head", {}, el("div", {}, el("h2", { id: "sql-title" }, t("sql.title")), el("p.quiet", { id: "sql-hint" }, t("sql.hint"))), button("bare", "close", t("sql.close"), () => go({ sql: null }))),
    text,
    el(
      "div.deeds",
      {},
      button("strong", null, t("sql.run"), start, { id: "sql-run", title: "Ctrl + Enter" }),
      button("plain", null, t("sql.reset"), () => (state().sql ? go({ sql: "" }) : void fillOwn()), { id: "sql-reset" }),
      el("span.said", { id: "sql-said", role: "status" }),
    ),
    el("p.wrong", { id: "sql-wrong", role: "alert", dir: "auto" }),
  );
}

function start() {
  const text = field().value.trim();
  if (!text) return;
  if (text === state().sql) void run(text);
  else go({ sql: text });
}

async function fillOwn() {
  const key = keyOf(state());
  try {
    if (key !== ownKey) ownText = (await get("/sql/of", { ...queryOf(state()), k: 48 })).sql;
    ownKey = key;
    if (state().sql === "") field().value = ownText;
    grow();
  } catch (error) {
    tell("", /** @type {Error} */ (error).message);
  }
}

/** As high as its text, within bounds. */
function grow() {
  const lines = field().value.split("\n").reduce((/** @type {number} */ sum, /** @type {string} */ line) => sum + 1 + Math.floor(line.length / 110), 0);
  field().rows = Math.min(18, Math.max(3, lines));
}

async function run(/** @type {string} */ text) {
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  ran = text;
  answer = null;
  working(true);
  try {
    answer = /** @type {Answer} */ (await post("/sql", { query: text, max_rows: MAX_ROWS }, signal));
    await show(answer);
  } catch (error) {
    if (signal.aborted) return;
    found = [];
    byId("view").replaceChildren();
    tell("", /** @type {Error} */ (error).message);
  } finally {
    if (!signal.aborted) working(false);
  }
}

function tell(/** @type {string} */ said, wrong = "") {
  byId("sql-said").textContent = said;
  byId("sql-wrong").textContent = wrong;
  field().setAttribute("aria-invalid", String(wrong !== ""));
}

async function show(/** @type {Answer} */ got) {
  const said = [t("sql.rows", { n: got.rows.length }), t("results.time", { n: Math.round(got.elapsed_ms) })];
  if (got.truncated) said.push(t("sql.truncated"));
  tell(said.join(" · "));
  const at = got.columns.findIndex((column) => column.name === "photo_id");
  const asGrid = at >= 0 && state().rows === "grid";
  const place = byId("view");
  found = [];
  choice(at >= 0 && got.rows.length > 0, asGrid);
  if (!got.rows.length) return place.replaceChildren(el("p.after", {}, t("sql.noRows")));
  if (!asGrid) return place.replaceChildren(table(got));
  found = await photosOf([...new Set(got.rows.map((row) => String(row[at])))]);
  putGrid(place, t("sql.result"), el("div.after")).add(found);
  selection.show();
}

/** The switch between table and photos, where rows have a photo. */
function choice(/** @type {boolean} */ possible, /** @type {boolean} */ asGrid) {
  byId("sql-as")?.remove();
  if (!possible) return;
  const one = (/** @type {"" | "grid"} */ rows, /** @type {string} */ label) =>
    el("button", { type: "button", "aria-pressed": String((rows === "grid") === asGrid), onclick: () => go({ rows }, { replace: true }) }, label);
  byId("sql")
    .querySelector(".deeds")
    .append(el("div.either", { id: "sql-as", role: "group", "aria-label": t("sql.as") }, one("", t("sql.table")), one("grid", t("sql.grid"))));
}

function table(/** @type {Answer} */ { columns, rows }) {
  const numeric = columns.map(({ type }) => /^(u?int|float|double|decimal)/i.test(type));
  return el(
    "div.table",
    { tabindex: "0", role: "region", "aria-label": t("sql.result") },
    el(
      "table",
      {},
      el("thead", {}, el("tr", {}, ...columns.map(({ name, type }, i) => el(numeric[i] ? "th.n" : "th", { scope: "col" }, foreign(name), el("small", {}, type))))),
      el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((value, i) => cell(value, columns[i].name, numeric[i]))))),
    ),
  );
}

function cell(/** @type {any} */ value, /** @type {string} */ column, /** @type {boolean} */ numeric) {
  if (value === null) return el("td.quiet", {}, "NULL");
  if (numeric) return el("td.n", {}, typeof value === "number" && !/year|id$/.test(column) ? number(value, { maximumFractionDigits: 6 }) : String(value));
  if (Array.isArray(value) && value.length > 8 && typeof value[0] === "number") return el("td.quiet", {}, t("sql.values", { n: value.length }));
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  if (column === "photo_id") {
    return el("td", {}, el("a", { href: `/?photo=${encodeURIComponent(text)}`, onclick: (/** @type {MouseEvent} */ event) => openHere(event, text) }, foreign(text)));
  }
  return el("td", {}, el("span.cut", {}, foreign(text)));
}

function openHere(/** @type {MouseEvent} */ event, /** @type {string} */ photo) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open({ photo });
}
