/** One photo, large, with all that is known of it and how people download it. */

import { ApiError, get, imageOf, pathOf, thumbnailOf } from "./api.js";
import { bars, monthsChart } from "./charts.js";
import { byId, button, el, foreign, icon } from "./dom.js";
import * as feedback from "./feedback.js";
import { bytes, country, has, moment, number, t } from "./i18n.js";
import { captionOf, isElsewhere, nameOf } from "./grid.js";
import { says, toast } from "./notices.js";
import * as selection from "./selection.js";
import { close, open, search, state } from "./state.js";
import { section as whySection } from "./why.js";

/** @typedef {import("./api.js").Hit} Hit */

const KEYWORDS = 6;
const COUNTRIES = 5;
const LARGE = 1920;

/** @type {AbortController | null} */
let asking = null;
let shown = "";

/**
 * Show the photo that the address names, or none.
 * @param {Hit[]} among the photos of the view, for the way to the next
 */
export function follow(among) {
  const dialog = byId("photo");
  const id = state().photo;
  if (!id) {
    if (dialog.open) dialog.close();
    return;
  }
  if (dialog.open && shown === id) return steps(dialog.querySelector(".stage"), id, among);
  shown = id;
  asking?.abort();
  asking = new AbortController();
  const hit = among.find((each) => each.photo_id === id);
  frame(dialog, id, hit, among);
  if (!dialog.open) dialog.showModal();
  dialog.querySelector(".stage").focus();
  void load(dialog, id, hit, asking.signal);
}

/** Listen once to what closes the dialog and to its keys. */
export function start(/** @type {() => Hit[]} */ among) {
  const dialog = byId("photo");
  dialog.addEventListener("cancel", (/** @type {Event} */ event) => {
    event.preventDefault();
    leave();
  });
  dialog.addEventListener("close", () => {
    const id = shown;
    shown = "";
    asking?.abort();
    const tile = [...document.querySelectorAll(".tile[data-id]")].find((node) => node.getAttribute("data-id") === id);
    tile?.querySelector("a")?.focus({ preventScroll: false });
  });
  dialog.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /** @type {Element} */ (event.target).closest(".aside")) return;
    if (event.key === "ArrowRight") step(among(), 1);
    else if (event.key === "ArrowLeft") step(among(), -1);
    else if (event.key.toLowerCase() === "m") similar();
    else return;
    event.preventDefault();
  });
}

const leave = () => close({ photo: "" });
const similar = () => search({ like: state().photo }, false);

function step(/** @type {Hit[]} */ among, /** @type {1 | -1} */ by) {
  const at = among.findIndex((hit) => hit.photo_id === state().photo);
  const next = at < 0 ? undefined : among[at + by];
  if (next) open({ photo: next.photo_id });
}

function frame(/** @type {any} */ dialog, /** @type {string} */ id, /** @type {Hit | undefined} */ hit, /** @type {Hit[]} */ among) {
  const stage = el("div.stage", { tabindex: "-1" }, el("figure", {}, hit && picture(id, hit)));
  steps(stage, id, among);
  const aside = el("aside.aside", { tabindex: "0", "aria-label": t("detail.facts") });
  if (hit) aside.append(heading(hit, id));
  dialog.replaceChildren(button("bare close", "close", t("detail.close"), leave), stage, aside);
}

/** The ways to the photos before and after, once these are known. */
function steps(/** @type {HTMLElement} */ stage, /** @type {string} */ id, /** @type {Hit[]} */ among) {
  const at = among.findIndex((each) => each.photo_id === id);
  for (const [kind, by] of /** @type {["previous" | "next", 1 | -1][]} */ ([["previous", -1], ["next", 1]])) {
    const there = stage.querySelector(`.${kind}`);
    if (at < 0 || !among[at + by]) there?.remove();
    else if (!there) stage.append(button(`bare step ${kind}`, kind, t(`detail.${kind}`), () => step(among, by)));
  }
}

async function load(/** @type {any} */ dialog, /** @type {string} */ id, /** @type {Hit | undefined} */ hit, /** @type {AbortSignal} */ signal) {
  const aside = dialog.querySelector(".aside");
  try {
    const [photo, downloads] = await Promise.all([get(pathOf(id), {}, signal), get(`${pathOf(id)}/downloads`, {}, signal)]);
    if (!hit) dialog.querySelector("figure").replaceChildren(picture(id, photo));
    aside.replaceChildren(
      heading(photo, id),
      byline(photo) ?? "",
      deeds(photo),
      whySection(hit),
      usage(downloads),
      facts(photo),
    );
  } catch (error) {
    if (signal.aborted) return;
    const missing = error instanceof ApiError && error.status === 404;
    const message = missing ? t("detail.gone") : /** @type {Error} */ (error).message;
    aside.replaceChildren(says("picture", t("error.title"), message, button("plain", null, t("detail.close"), leave)));
  }
}

const heading = (/** @type {any} */ photo, /** @type {string} */ id) => foreign(captionOf(photo) || t("photo.untitled", { id }), "h2");

function byline(/** @type {any} */ { photographer, place }) {
  if (!photographer && !place) return null;
  const who = photographer && t("detail.by", { who: photographer });
  return foreign([who, place].filter(Boolean).join(" · "), "p.by");
}

/** The thumbnail at once, the large picture as soon as it is there. */
function picture(/** @type {string} */ id, /** @type {any} */ photo) {
  const { width, height, uri } = photo;
  const alt = captionOf(photo) || t("photo.untitled", { id });
  const known = width > 0 && height > 0;
  const image = el(known ? "img.fitted" : "img", {
    alt,
    width: known && String(width),
    height: known && String(height),
    src: thumbnailOf(id),
    style: known ? { "--ratio": String(width / height), "max-width": `min(100%, ${Math.round(width * 1.6)}px)` } : {},
  });
  let large = false;
  const sharpen = () => {
    if (large || isElsewhere({ uri })) return;
    large = true;
    image.src = imageOf(id, LARGE);
  };
  image.addEventListener("load", sharpen);
  image.addEventListener("error", () => {
    if (!large) sharpen();
    else if (!image.src.endsWith("/thumbnail")) image.src = thumbnailOf(id);
    else image.replaceWith(el("p.quiet", {}, t("detail.broken")));
  });
  return image;
}

function deeds(/** @type {any} */ photo) {
  const name = photo.uri.split("/").at(-1) || photo.photo_id;
  const original = isElsewhere(photo)
    ? el("a.plain", { href: photo.uri, rel: "noreferrer noopener", target: "_blank" }, icon("out"), t("detail.open"))
    : el("a.plain", { href: photo.original, download: name }, icon("download"), t("detail.download"));
  const chosen = selection.has(photo.photo_id);
  const hit = { ...photo, score: null };
  const select = button("plain", "check", t("tool.select"), () => {
    selection.toggle(hit, [], false);
    select.setAttribute("aria-pressed", String(selection.has(photo.photo_id)));
  }, { "aria-pressed": String(chosen) });
  return el(
    "div.deeds",
    {},
    button("strong", "similar", t("detail.similar"), similar),
    original,
    button("plain", "link", t("detail.link"), () => void copyLink()),
    select,
    ...(feedback.isOffered() ? feedback.buttons("plain", photo.photo_id, nameOf(photo)) : []),
  );
}

async function copyLink() {
  try {
    await navigator.clipboard.writeText(location.href);
    toast(t("detail.linked"));
  } catch {
    toast(t("detail.notLinked"));
  }
}

function usage(/** @type {any} */ { total, months, keywords, countries }) {
  const title = el("h3", {}, t("detail.downloads"));
  if (!total) return el("section", {}, title, el("p.quiet", {}, t("detail.noDownloads")));
  return el(
    "section",
    {},
    title,
    el("p.total", {}, el("strong", {}, number(total)), el("span.quiet", {}, t("detail.times", { n: total }))),
    months.length > 0 && monthsChart(months),
    keywords.length > 0 && part("detail.keywords", keywords.slice(0, KEYWORDS).map((/** @type {any} */ each) => ({
      name: each.keyword,
      n: each.downloads,
      onclick: () => search({ q: each.keyword }, false),
    }))),
    countries.length > 0 && part("detail.countries", countries.slice(0, COUNTRIES).map((/** @type {any} */ each) => ({ name: country(each.country), n: each.downloads }))),
  );
}

const part = (/** @type {string} */ title, /** @type {any[]} */ rows) => el("section", {}, el("h3", {}, t(title)), bars(rows));

function facts(/** @type {any} */ photo) {
  const placed = photo.latitude !== null && photo.longitude !== null && photo.latitude !== undefined;
  /** @type {[string, string][]} */
  const rows = [
    [t("fact.size"), [`${number(photo.width)} × ${number(photo.height)}`, photo.format, photo.size_bytes ? bytes(photo.size_bytes) : ""].filter(Boolean).join(" · ")],
    [t("fact.taken"), photo.taken_at ? moment(photo.taken_at) : ""],
    [t("fact.camera"), photo.camera],
    [t("fact.photographer"), photo.photographer],
    [t("fact.place"), photo.place],
    [t("fact.position"), placed ? `${number(photo.latitude, { maximumFractionDigits: 5 })}, ${number(photo.longitude, { maximumFractionDigits: 5 })}` : ""],
    ...Object.entries(photo.attributes ?? {}).filter(([name]) => !name.startsWith("caption_")).map(([name, value]) => /** @type {[string, string]} */ ([has(`filter.${name}`) ? t(`filter.${name}`) : name, String(value)])),
    [t("fact.file"), photo.uri],
    [t("fact.source"), photo.source],
    [t("fact.id"), photo.photo_id],
  ];
  return el(
    "section",
    {},
    el("h3", {}, t("detail.facts")),
    el("dl.facts", {}, ...rows.filter(([, value]) => value).flatMap(([name, value]) => [foreign(name, "dt"), foreign(value, "dd")])),
  );
}
