/** Photos that are there more than once: groups with the best copy, found by a job of the server. */

import { events, get, post, remove, thumbnailOf } from "../api.js";
import * as bar from "../bar.js";
import { button, byId, el, foreign, icon } from "../dom.js";
import { bytes, number, t } from "../i18n.js";
import { says, toastError, working } from "../notices.js";
import { address, open, state } from "../state.js";

/**
 * @typedef {{photo_id: string, uri: string, width: number, height: number, size_bytes: number, kind: string, score: number}} Copy
 * @typedef {{best: Copy, copies: Copy[]}} Group
 */

const AT_ONCE = 50;

let shown = false;
/** @type {EventSource | null} */
let listening = null;

export const hits = () => [];

export function follow() {
  bar.showPlain();
  if (shown) return;
  shown = true;
  void begin();
}

export function hide() {
  shown = false;
  listening?.close();
  listening = null;
  byId("view").replaceChildren();
}

/** What was found last, or is being found; else the way to look. */
async function begin() {
  working(true);
  try {
    const { may_write: mayWrite } = await get("/session");
    if (!shown) return;
    if (!mayWrite) return byId("view").replaceChildren(says("similar", t("duplicates.title"), t("duplicates.owner")));
    const { jobs } = await get("/jobs");
    const last = jobs.find((/** @type {any} */ job) => job.kind === "duplicates" && job.source === "all" && ["done", "running", "waiting"].includes(job.state));
    if (!shown) return;
    if (!last) return byId("view").replaceChildren(says("similar", t("duplicates.none"), t("duplicates.hint"), looker("strong")));
    if (last.state === "done") return show((await get(`/jobs/${encodeURIComponent(last.job_id)}`)).report);
    listen(last.job_id);
  } catch (error) {
    fail(/** @type {Error} */ (error).message);
  } finally {
    working(false);
  }
}

const looker = (/** @type {string} */ kind) => button(kind, "search", t("duplicates.look"), () => void look());

const fail = (/** @type {string} */ message) => byId("view").replaceChildren(says("similar", t("error.title"), message, looker("strong")));

async function look() {
  try {
    const { job_id: id } = await post("/duplicates", {});
    listen(id);
  } catch (error) {
    toastError(error);
  }
}

function listen(/** @type {string} */ id) {
  if (!shown) return;
  const said = el("p.quiet", { role: "status" }, t("duplicates.looking"));
  const meter = el("progress", { "aria-label": t("duplicates.looking") });
  const cancel = button("plain", null, t("indexing.cancel"), () => void remove(`/jobs/${encodeURIComponent(id)}`).catch(toastError));
  byId("view").replaceChildren(el("div.waiting", {}, said, meter, cancel));
  const source = events(id);
  listening = source;
  source.addEventListener("progress", (event) => {
    const { done, total } = JSON.parse(event.data).progress;
    if (!total) return;
    meter.max = total;
    meter.value = done;
    said.textContent = t("indexing.progress", { done, total });
  });
  source.addEventListener("done", (event) => {
    source.close();
    const job = JSON.parse(event.data);
    if (job.state === "done") show(job.report);
    else fail(t("indexing.cancelled"));
  });
  source.addEventListener("error", (event) => {
    // Without data it is the line that broke: the browser takes it up again by itself.
    const { data } = /** @type {MessageEvent} */ (event);
    if (!data) return;
    source.close();
    fail(JSON.parse(data).error?.message ?? "");
  });
}

function show(/** @type {{groups: Group[], left_out: number}} */ { groups, left_out: leftOut }) {
  if (!shown) return;
  if (!groups.length) return byId("view").replaceChildren(says("check", t("duplicates.clean"), "", looker("plain")));
  const list = el("ol.groups", { role: "list" });
  const after = el("div.after", {});
  const copies = groups.reduce((sum, group) => sum + group.copies.length, 0);
  let at = 0;
  const more = () => {
    list.append(...groups.slice(at, at + AT_ONCE).map(groupOf));
    at += AT_ONCE;
    after.replaceChildren(at < groups.length ? button("plain", null, t("results.more"), more) : leftOut ? t("duplicates.left", { n: leftOut }) : "");
  };
  byId("view").replaceChildren(
    el("div.area-head", {}, el("p.quiet", {}, [t("duplicates.groups", { n: groups.length }), t("duplicates.copies", { n: copies }), t("duplicates.safe")].join(" · ")), looker("plain")),
    list,
    after,
  );
  more();
}

const groupOf = (/** @type {Group} */ { best, copies }) => el("li.card", {}, el("ul", { role: "list" }, copyOf(best, true), ...copies.map((copy) => copyOf(copy, false))));

function copyOf(/** @type {Copy} */ copy, /** @type {boolean} */ isBest) {
  const name = copy.uri.split("/").at(-1) || copy.photo_id;
  const kind = isBest ? t("duplicates.best") : copy.kind === "exact" ? t("duplicates.exact") : t("duplicates.near", { n: number(copy.score, { style: "percent" }) });
  return el(
    isBest ? "li.best" : "li",
    {},
    el(
      "a",
      {
        href: address({ ...state(), photo: copy.photo_id }),
        title: copy.uri,
        onclick: (/** @type {MouseEvent} */ event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey) return;
          event.preventDefault();
          open({ photo: copy.photo_id });
        },
      },
      el("img", { alt: "", loading: "lazy", src: thumbnailOf(copy.photo_id) }),
      el("strong", {}, isBest && icon("check"), kind),
      foreign(name, "span"),
      el("span.quiet", {}, `${number(copy.width)} × ${number(copy.height)}${copy.size_bytes ? ` · ${bytes(copy.size_bytes)}` : ""}`),
    ),
  );
}
