/** The library's page: what it holds, adding photos, runs under way, what failed. */

import { get, post } from "./api.js";
import { byId, button, el, foreign } from "./dom.js";
import { number, t } from "./i18n.js";
import * as jobs from "./jobs.js";
import { says, toastError, working } from "./notices.js";
import { token } from "./api.js";
import * as results from "./results.js";

let shown = false;

export function show() {
  if (shown) return;
  shown = true;
  byId("bar").replaceChildren();
  const numbers = el("dl.numbers", {});
  const running = el("div", {});
  const failures = el("div", {});
  byId("view").replaceChildren(
    el(
      "div.library",
      {},
      el("div.wide", {}, el("h1", {}, t("indexing.title")), el("p.quiet", { id: "library-path", dir: "auto" })),
      el("section.card.wide", { "aria-label": t("indexing.title") }, numbers),
      el("section.card", {}, el("h2", {}, t("indexing.add")), form(running, numbers, failures)),
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

function form(/** @type {HTMLElement} */ running, /** @type {HTMLElement} */ numbers, /** @type {HTMLElement} */ failures) {
  const source = el("input.field", { id: "source", type: "text", required: true, spellcheck: false, autocomplete: "off", placeholder: t("indexing.sourceHint"), dir: "auto" });
  const limit = el("input.field", { id: "limit", type: "number", min: "1", step: "1", placeholder: t("indexing.limitHint") });
  const prune = el("input", { type: "checkbox" });
  const secret = el("input.field", { id: "token", type: "password", autocomplete: "off", "aria-describedby": "token-hint" });
  secret.value = token.read();
  return el(
    "form",
    {
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        token.keep(secret.value.trim());
        const asked = { source: source.value.trim(), prune: prune.checked, ...(limit.value && { limit: Number(limit.value) }) };
        void begin(running, () => post("/jobs", asked), () => {
          results.refresh();
          void fill(numbers, failures, running);
        });
      },
    },
    el("label", { for: "source" }, t("indexing.source"), source),
    el("label", { for: "limit" }, t("indexing.limit"), limit),
    el("label.check-line", {}, prune, t("indexing.prune")),
    el("label", { for: "token" }, t("indexing.token"), secret),
    el("p.hint", { id: "token-hint" }, t("indexing.tokenHint")),
    el("button.strong", { type: "submit" }, t("indexing.start")),
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
    button("plain", null, t("indexing.retry"), () => void begin(running, () => post("/failures/retry", {}), () => {
      results.refresh();
      onEnd();
    })),
  ];
}
