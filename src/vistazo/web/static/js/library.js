/** The library's page: what it holds, adding photos, runs under way, what failed. */

import { get, post } from "./api.js";
import { byId, button, el, foreign } from "./dom.js";
import { number, t } from "./i18n.js";
import * as jobs from "./jobs.js";
import { says, toastError, working } from "./notices.js";
import * as results from "./results.js";
import { HOME, go } from "./state.js";

let shown = false;

export function show() {
  if (shown) return;
  shown = true;
  byId("bar").replaceChildren();
  const numbers = el("dl.numbers", {});
  const running = el("div", {});
  const failures = el("div", {});
  const adding = el("div", {});
  byId("view").replaceChildren(
    el(
      "div.library",
      {},
      el("div.wide", {}, el("h1", {}, t("indexing.title")), el("p.quiet", {}, el("bdi", { id: "library-path" }), " · ", el("a", { href: "/docs" }, t("tool.reference")), " · ", inside("duplicates"), el("span.owner", { hidden: true }, " · ", inside("quality")))),
      el("section.card.wide", { "aria-label": t("indexing.title") }, numbers),
      el("section.card", {}, el("h2", {}, t("indexing.add")), adding),
      el("section.card", {}, el("h2", {}, t("indexing.running")), running),
      el("section.card.wide", {}, el("h2", {}, t("indexing.failures")), failures),
    ),
  );
  scrollTo(0, 0);
  const refresh = () => {
    results.refresh();
    void fill(numbers, failures, running);
  };
  void fill(numbers, failures, running);
  void jobs.resume(running, refresh);
  void fillForm(adding, running, refresh).catch(toastError);
}

/** A link to a room of the page. */
function inside(/** @type {"duplicates" | "quality"} */ page) {
  const onclick = (/** @type {MouseEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go({ ...HOME, page });
  };
  return el("a", { href: `/?page=${page}`, onclick }, t(`${page}.title`));
}

export function hide() {
  if (!shown) return;
  shown = false;
  jobs.stop();
  byId("view").replaceChildren();
}

async function fill(/** @type {HTMLElement} */ numbers, /** @type {HTMLElement} */ failures, /** @type {HTMLElement} */ running) {
  working(true);
  try {
    const [stats, failed] = await Promise.all([get("/stats"), get("/failures", { limit: 200 })]);
    if (!numbers.isConnected) return;
    byId("library-path").textContent = stats.library;
    numbers.replaceChildren(
      ...figure(number(stats.photos), t("indexing.photos")),
      ...figure(number(stats.conversions.conversions), t("indexing.downloads")),
      ...figure(number(failed.total), t("indexing.failed")),
      ...(stats.encoder ? figure(stats.encoder.name, t("indexing.encoder")) : []),
    );
    failures.replaceChildren(...failuresOf(failed, running, () => void fill(numbers, failures, running)));
  } catch (error) {
    const again = button("strong", null, t("error.retry"), () => void fill(numbers, failures, running));
    numbers.replaceChildren();
    failures.replaceChildren(says("library", t("error.title"), /** @type {Error} */ (error).message, again));
  } finally {
    working(false);
  }
}

const figure = (/** @type {string} */ value, /** @type {string} */ name) => [el("div", {}, el("dt", {}, name), el("dd", {}, value))];

/** The form for the owner; for others, where to say that they are. */
async function fillForm(/** @type {HTMLElement} */ place, /** @type {HTMLElement} */ running, /** @type {() => void} */ onEnd) {
  const { may_write: mayWrite } = await get("/session");
  place.replaceChildren(mayWrite ? sourceForm(running, onEnd) : tokenForm(() => void fillForm(place, running, onEnd)));
  for (const node of document.querySelectorAll(".owner")) /** @type {HTMLElement} */ (node).hidden = !mayWrite;
}

function sourceForm(/** @type {HTMLElement} */ running, /** @type {() => void} */ onEnd) {
  const source = el("input.field", { id: "source", type: "text", required: true, spellcheck: false, autocomplete: "off", placeholder: t("indexing.sourceHint"), dir: "auto" });
  const limit = el("input.field", { id: "limit", type: "number", min: "1", step: "1", placeholder: t("indexing.limitHint") });
  const prune = el("input", { type: "checkbox" });
  return el(
    "form",
    {
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        const asked = { source: source.value.trim(), prune: prune.checked, ...(limit.value && { limit: Number(limit.value) }) };
        void begin(running, () => post("/jobs", asked), onEnd);
      },
    },
    el("label", { for: "source" }, t("indexing.source"), source),
    el("label", { for: "limit" }, t("indexing.limit"), limit),
    el("label.check-line", {}, prune, t("indexing.prune")),
    el("button.strong", { type: "submit" }, t("indexing.start")),
  );
}

function tokenForm(/** @type {() => void} */ then) {
  const secret = el("input.field", { id: "token", type: "password", required: true, autocomplete: "off", "aria-describedby": "token-hint" });
  return el(
    "form",
    {
      onsubmit: async (/** @type {Event} */ event) => {
        event.preventDefault();
        try {
          await post("/session", { token: secret.value.trim() });
          then();
        } catch (error) {
          toastError(error);
        }
      },
    },
    el("p.hint", { id: "token-hint" }, t("indexing.tokenHint")),
    el("label", { for: "token" }, t("indexing.token"), secret),
    el("button.strong", { type: "submit" }, t("indexing.unlock")),
  );
}

async function begin(/** @type {HTMLElement} */ running, /** @type {() => Promise<any>} */ start, /** @type {() => void} */ onEnd) {
  try {
    const { job_id: id } = await start();
    jobs.follow(running, id, onEnd);
  } catch (error) {
    toastError(error);
  }
}

function failuresOf(/** @type {any} */ { failures, total }, /** @type {HTMLElement} */ running, /** @type {() => void} */ onEnd) {
  if (!total) return [el("p.quiet", {}, t("indexing.noFailures"))];
  const heads = ["indexing.file", "indexing.cause", "indexing.message"].map((key) => el("th", { scope: "col" }, t(key)));
  const rows = failures.map((/** @type {any} */ each) =>
    el("tr", {}, el("td", {}, foreign(each.uri)), el("td", {}, foreign(each.code)), el("td", {}, foreign(each.message))),
  );
  return [
    el(
      "div.table",
      { tabindex: "0", role: "region", "aria-label": t("indexing.failures") },
      el("table", {}, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows)),
    ),
    button("plain owner", null, t("indexing.retry"), () => void begin(running, () => post("/failures/retry", {}), () => {
      results.refresh();
      onEnd();
    })),
  ];
}
