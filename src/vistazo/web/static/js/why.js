/** Why a hit is where it is, in words of the page's language. */

import { el, foreign } from "./dom.js";
import { has, t } from "./i18n.js";

const REASON = /^(\w+):? (.*)$/s;

/** @param {string} reason such as `picture 0.34` or `caption: boat, lake` @returns {[string, string]} */
function parts(reason) {
  const found = REASON.exec(reason);
  if (!found || !has(`why.${found[1]}`)) return ["", reason];
  const what = found[2].replace(/(\S+) downloads?\b/g, (_, n) => `${n} ${t("detail.times", { n: Number(n) })}`);
  return [t(`why.${found[1]}`), what];
}

/** In one line. @param {string[]} [why] */
export const inShort = (why = []) => why.map((reason) => parts(reason).filter(Boolean).join(": ")).join("\n");

/** A section that tells it. @param {import("./api.js").Hit | undefined} hit */
export function section(hit) {
  if (!hit?.why?.length) return "";
  return el(
    "section",
    {},
    el("h3", {}, t("why.title")),
    el("dl.facts", {}, ...hit.why.map(parts).flatMap(([name, what]) => [el("dt", {}, name), foreign(what, "dd")])),
  );
}
