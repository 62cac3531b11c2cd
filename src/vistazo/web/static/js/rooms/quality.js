/** How well texts find their pictures: a labelled set, asked by a job of the server. */

import { get, post } from "../api.js";
import * as bar from "../bar.js";
import { byId, el, foreign } from "../dom.js";
import { score, t } from "../i18n.js";
import * as jobs from "../jobs.js";
import { says, toastError, working } from "../notices.js";

/**
 * @typedef {{value: number, low: number, high: number}} Estimate
 * @typedef {object} Evaluation
 * @property {string} name
 * @property {string} split
 * @property {number} texts
 * @property {number} photos
 * @property {number} missing
 * @property {"set" | "library"} among
 * @property {string} path
 * @property {string} precision
 * @property {{name: string}} model
 * @property {Record<string, Record<string, Estimate>>} measures  by direction and name
 */

let shown = false;
/** The address of the result as a file. */
let kept = "";

export const hits = () => [];

export function follow() {
  bar.showPlain();
  if (shown) return;
  shown = true;
  void begin();
}

export function hide() {
  shown = false;
  jobs.stop();
  URL.revokeObjectURL(kept);
  byId("view").replaceChildren();
}

/** The form, runs that are under way, and the last that was done. */
async function begin() {
  working(true);
  try {
    const { may_write: mayWrite } = await get("/session");
    if (!shown) return;
    if (!mayWrite) return byId("view").replaceChildren(says("chart", t("quality.title"), t("quality.owner")));
    const all = (await get("/jobs")).jobs.filter((/** @type {any} */ job) => job.kind === "evaluation");
    if (!shown) return;
    const running = el("div", {});
    // There before it is filled, so that the end of a run is read out.
    const result = el("div", {}, el("p.quiet", { role: "status" }), el("div", {}));
    byId("view").replaceChildren(
      el(
        "div.library",
        {},
        el("section.card", {}, el("h2", {}, t("quality.set")), form(all[0]?.source ?? "", running, result)),
        el("section.card", {}, el("h2", {}, t("quality.result")), running, result),
      ),
    );
    const done = all.find((/** @type {any} */ job) => job.state === "done");
    if (done) show(result, done.report);
    else result.firstChild.append(t("quality.none"));
    for (const job of all) if (job.state === "running" || job.state === "waiting") watch(job.job_id, running, result);
  } catch (error) {
    if (shown) byId("view").replaceChildren(says("chart", t("error.title"), /** @type {Error} */ (error).message));
  } finally {
    working(false);
  }
}

function form(/** @type {string} */ last, /** @type {HTMLElement} */ running, /** @type {HTMLElement} */ result) {
  const plain = { type: "text", spellcheck: false, autocomplete: "off", dir: "auto" };
  const path = el("input.field", { ...plain, id: "set", required: true, value: last, placeholder: t("quality.pathHint"), "aria-describedby": "set-hint" });
  const column = el("input.field", { ...plain, id: "column", placeholder: "caption_en, caption, description" });
  const all = el("input", { type: "checkbox" });
  const wrong = el("p.wrong", { role: "alert", hidden: true, dir: "auto" });
  return el(
    "form",
    {
      onsubmit: async (/** @type {Event} */ event) => {
        event.preventDefault();
        wrong.hidden = true;
        try {
          const asked = { labels: path.value.trim(), column: column.value.trim() || null, among: all.checked ? "library" : "set" };
          const { job_id: id } = await post("/evaluations", asked);
          // What failed before has been read.
          for (const ended of running.querySelectorAll(".job:not(:has(progress))")) ended.remove();
          watch(id, running, result);
        } catch (error) {
          wrong.textContent = /** @type {Error} */ (error).message;
          wrong.hidden = false;
        }
      },
    },
    el("p.hint", { id: "set-hint" }, t("quality.hint")),
    el("label", { for: "set" }, t("quality.path"), path),
    el("label", { for: "column" }, t("quality.column"), column),
    el("label.check-line", {}, all, t("quality.among")),
    wrong,
    el("button.strong", { type: "submit" }, t("quality.start")),
  );
}

function watch(/** @type {string} */ id, /** @type {HTMLElement} */ running, /** @type {HTMLElement} */ result) {
  jobs.follow(running, id, async () => {
    try {
      const { report } = await get(`/jobs/${encodeURIComponent(id)}`);
      if (!report || !result.isConnected) return;
      running.querySelector(`[data-job="${id}"]`)?.remove();
      show(result, report);
    } catch (error) {
      toastError(error);
    }
  });
}

function show(/** @type {HTMLElement} */ result, /** @type {Evaluation} */ found) {
  const { name, split, texts, photos, missing, among, model, precision, path, measures } = found;
  const set = split === "all" ? name : `${name} (${split})`;
  const counts = [t("quality.texts", { n: texts }), t(among === "set" ? "quality.inSet" : "quality.inLibrary", { n: photos }), model.name, precision, path];
  if (missing) counts.push(t("quality.missing", { n: missing }));
  const head = (/** @type {string} */ key, /** @type {string} */ tag = "th") => el(tag, { scope: "col" }, t(`quality.${key}`));
  const rows = Object.entries(measures).flatMap(([direction, estimates]) =>
    Object.entries(estimates).map(([measure, { value, low, high }]) =>
      el("tr", {}, el("td", {}, t(`quality.${direction}`)), el("td", {}, measure), el("td.n", {}, score(value)), el("td.n", {}, `${score(low)} – ${score(high)}`)),
    ),
  );
  URL.revokeObjectURL(kept);
  kept = URL.createObjectURL(new Blob([JSON.stringify(found, null, 2)], { type: "application/json" }));
  const [said, table] = result.children;
  said.replaceChildren(foreign(set), ` · ${counts.join(" · ")}`);
  table.replaceChildren(
    el(
      "div.table.estimates",
      { tabindex: "0", role: "region", "aria-label": t("quality.result") },
      el("table", {}, el("thead", {}, el("tr", {}, head("direction"), head("measure"), head("value", "th.n"), head("interval", "th.n"))), el("tbody", {}, ...rows)),
    ),
    el("a", { href: kept, download: "evaluation.json" }, t("quality.json")),
  );
}
