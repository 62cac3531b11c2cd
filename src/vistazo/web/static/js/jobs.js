/** Runs of indexing: their progress as the server tells it, and how they ended. */

import { events, get, remove } from "./api.js";
import { button, el, foreign } from "./dom.js";
import { t } from "./i18n.js";
import { toastError } from "./notices.js";

/** @type {Map<string, EventSource>} */
const open = new Map();

/** Follow the runs that are under way already. */
export async function resume(/** @type {HTMLElement} */ place, /** @type {() => void} */ onEnd) {
  try {
    const { jobs } = await get("/jobs");
    for (const job of jobs) if (job.state === "running" || job.state === "waiting") follow(place, job.job_id, onEnd);
  } catch {
    // The runs are not told to who may not write; nothing to follow then.
  }
  if (!place.firstChild) place.append(el("p.quiet.idle", {}, t("indexing.idle")));
}

/** Stop listening: the page is left. The runs go on. */
export function stop() {
  for (const source of open.values()) source.close();
  open.clear();
}

/** Show a run until it has ended. @param {string} id */
export function follow(/** @type {HTMLElement} */ place, id, /** @type {() => void} */ onEnd) {
  if (open.has(id)) return;
  place.querySelector(".idle")?.remove();
  const name = el("strong", {}, "");
  const count = el("span.quiet", {}, "");
  const meter = el("progress", { "aria-label": t("indexing.running") });
  const said = el("p", { role: "status" });
  const cancel = button("plain", null, t("indexing.cancel"), async () => {
    cancel.disabled = true;
    try {
      await remove(`/jobs/${encodeURIComponent(id)}`);
    } catch (error) {
      cancel.disabled = false;
      toastError(error);
    }
  });
  const node = el("div.job", { "data-job": id }, el("div.line", {}, name, count), meter, said, cancel);
  place.prepend(node);
  const source = events(id);
  open.set(id, source);

  const end = (/** @type {string} */ text, wrong = false) => {
    source.close();
    open.delete(id);
    cancel.remove();
    meter.remove();
    said.replaceChildren(foreign(text));
    said.classList.toggle("wrong", wrong);
    onEnd();
  };
  source.addEventListener("progress", (event) => show(JSON.parse(event.data)));
  source.addEventListener("done", (event) => {
    const job = JSON.parse(event.data);
    show(job);
    if (job.state === "cancelled") end(t("indexing.cancelled"));
    else end(reportOf(job.report ?? {}));
  });
  source.addEventListener("error", (event) => {
    // Without data it is the line that broke: the browser takes it up again by itself.
    const { data } = /** @type {MessageEvent} */ (event);
    if (data) end(JSON.parse(data).error?.message ?? "", true);
  });

  function show(/** @type {any} */ { source: from, state, progress: { done, total, failed } }) {
    name.replaceChildren(foreign(from));
    if (total) {
      meter.max = total;
      meter.value = done;
    }
    const parts = [total ? t("indexing.progress", { done, total }) : t("indexing.counting", { done })];
    if (failed) parts.push(t("indexing.soFarFailed", { n: failed }));
    count.textContent = state === "waiting" ? t("indexing.waiting") : parts.join(" · ");
  }
}

/** What a run did, in words; one that took up failures again did it source by source. */
function reportOf(/** @type {any} */ report) {
  const parts = report.sources ? Object.values(report.sources) : [report];
  if (!parts.every((part) => "added" in part)) return t("indexing.ended");
  const sum = (/** @type {string} */ name) => parts.reduce((all, part) => all + (part[name] ?? 0), 0);
  return t("indexing.done", { added: sum("added"), unchanged: sum("unchanged"), failed: sum("failed") });
}
