/** Downloads of several photos, ranked: the question that other image searches cannot answer. */

import { get, imageOf, post, thumbnailOf } from "./api.js";
import { bars, monthsChart } from "./charts.js";
import { byId, el, foreign } from "./dom.js";
import { captionOf } from "./grid.js";
import { country, number, score, t } from "./i18n.js";
import { toastError, working } from "./notices.js";
import { sheet } from "./sheet.js";
import { address, open, search, state } from "./state.js";

/** @typedef {import("./api.js").Hit} Hit */
/** @typedef {{photo_id: string, uri: string, score: number | null, downloads: number}} Candidate */

// As many as a person looks at, where there is an order of fitting; else the newest.
const BEST = 20;
const NEWEST = 100;

/** Downloads of photos that were picked out. @param {Hit[]} hits */
export async function showDownloads(hits) {
  await show(hits, () => Promise.all([post("/downloads/selected", { photo_ids: hits.map((hit) => hit.photo_id) }), null]));
}

/**
 * Downloads of what the view finds.
 * @param {Hit[]} hits those that are loaded, for their names
 * @param {import("./api.js").Parameters} query
 */
export async function showViewDownloads(hits, query) {
  const searched = Object.keys(query).some((name) => name !== "where");
  const asked = { ...query, k: searched ? BEST : NEWEST };
  await show(hits, () => Promise.all([get("/downloads/demand", asked), get("/downloads", asked)]), searched);
}

async function show(/** @type {Hit[]} */ hits, /** @type {() => Promise<any[]>} */ ask, best = false) {
  working(true);
  try {
    const [demand, downloads] = await ask();
    const scores = new Map(hits.map((hit) => [hit.photo_id, hit]));
    const many = demand.candidates.length;
    sheet(t("ranking.title"), best && el("p.lead.quiet", {}, t("ranking.best", { n: many })), ...contents(demand, downloads, scores));
  } catch (error) {
    toastError(error);
  } finally {
    working(false);
  }
}

function contents(/** @type {any} */ demand, /** @type {any} */ downloads, /** @type {Map<string, Hit>} */ known) {
  const nameOf = (/** @type {Candidate} */ each) => captionOf(known.get(each.photo_id) ?? { description: "" }) || each.uri.split("/").at(-1) || each.photo_id;
  const popular = demand.most_popular;
  if (!popular) return [el("p.quiet", {}, t("ranking.empty"))];
  return [
    winner(popular, nameOf(popular), demand.top_keywords),
    downloads && overTime(downloads),
    el("h3", {}, t("ranking.all")),
    ranked(demand.candidates, nameOf, known),
  ];
}

function winner(/** @type {Candidate} */ popular, /** @type {string} */ name, /** @type {any[]} */ keywords) {
  const picture = el("img", { alt: name, src: imageOf(popular.photo_id, 960) });
  picture.addEventListener("error", () => (picture.src = thumbnailOf(popular.photo_id)), { once: true });
  return el(
    "div.winner",
    {},
    el("div", {}, link(popular, "frame", picture), el("p", {}, foreign(name))),
    el(
      "div",
      {},
      el("h3", {}, t("ranking.popular")),
      el("p.total", {}, el("strong", {}, number(popular.downloads)), el("span.quiet", {}, t("detail.times", { n: popular.downloads }))),
      keywords.length > 0 && el("h3", {}, t("ranking.keywords")),
      bars(keywords.map(({ keyword, downloads }) => ({ name: keyword, n: downloads, onclick: () => leave(() => search({ q: keyword })) }))),
    ),
  );
}

function overTime(/** @type {any} */ { months, keywords, countries }) {
  return el(
    "div.over",
    {},
    months.length > 0 && el("h3", {}, t("detail.perMonth")),
    months.length > 0 && monthsChart(months),
    el(
      "div.two",
      {},
      el("div", {}, el("h3", {}, t("detail.keywords")), bars(keywords.slice(0, 6).map((/** @type {any} */ each) => ({ name: each.keyword, n: each.downloads, onclick: () => leave(() => search({ q: each.keyword })) })))),
      el("div", {}, el("h3", {}, t("detail.countries")), bars(countries.slice(0, 6).map((/** @type {any} */ each) => ({ name: country(each.country), n: each.downloads })))),
    ),
  );
}

function ranked(/** @type {Candidate[]} */ candidates, /** @type {(each: Candidate) => string} */ nameOf, /** @type {Map<string, Hit>} */ known) {
  const most = Math.max(1, ...candidates.map((each) => each.downloads));
  return el(
    "ol.ranked",
    { role: "list" },
    ...candidates.map((each, i) => {
      const fits = each.score ?? known.get(each.photo_id)?.score ?? null;
      return el(
        "li",
        {},
        link(
          each,
          "",
          el("span.place", { "aria-hidden": "true" }, number(i + 1)),
          el("img", { alt: "", loading: "lazy", src: thumbnailOf(each.photo_id) }),
          el("span.name", {}, foreign(nameOf(each)), fits !== null && el("small.quiet", {}, ` · ${score(fits)}`)),
          el("span.much", { style: { "--share": String(each.downloads / most) } }, el("span", {}, number(each.downloads)), el("i", { "aria-hidden": "true" })),
        ),
      );
    }),
  );
}

function link(/** @type {Candidate} */ each, /** @type {string} */ kind, /** @type {any[]} */ ...children) {
  return el(
    kind ? `a.${kind}` : "a",
    {
      href: address({ ...state(), photo: each.photo_id }),
      onclick: (/** @type {MouseEvent} */ event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        leave(() => open({ photo: each.photo_id }));
      },
    },
    ...children,
  );
}

function leave(/** @type {() => void} */ then) {
  byId("sheet").close();
  then();
}
