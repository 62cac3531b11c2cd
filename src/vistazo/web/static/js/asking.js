/** What can be typed: examples to click, and where in a query something is wrong. */

import { el } from "./dom.js";
import { t } from "./i18n.js";
import { narrowSheet } from "./sheet.js";

/** @type {[string, string][]} */
const EXAMPLES = [
  ["dog + beach", "ask.sum"],
  ["2:dog + beach", "ask.weight"],
  ["dog + beach - snow", "ask.minus"],
  ['"black and white"', "ask.quoted"],
  ["lake width:>1000", "ask.filter"],
  ["forest year:2019..2021", "ask.range"],
  ["flower -has:place", "ask.not"],
];

/** The list of examples. @param {(text: string) => void} choose */
export function showExamples(choose) {
  const dialog = narrowSheet(
    t("ask.title"),
    el("p.quiet", {}, t("ask.lead")),
    el(
      "ul.examples",
      { role: "list" },
      ...EXAMPLES.map(([text, what]) =>
        el(
          "li",
          {},
          el(
            "button",
            {
              type: "button",
              onclick: () => {
                dialog.close();
                choose(text);
              },
            },
            el("code", { dir: "ltr" }, text),
            el("span", {}, t(what)),
          ),
        ),
      ),
    ),
    el("p.quiet", {}, t("ask.pictures")),
  );
}

/** A query with a caret under the place where it cannot be read. @param {string} text @param {number} at */
export function marked(text, at) {
  const characters = [...text];
  const mark = characters[at] ?? " ";
  return el(
    "p.marked",
    { dir: "auto" },
    characters.slice(0, at).join(""),
    el("mark", { title: t("ask.here") }, mark === " " ? "\u00a0" : mark),
    characters.slice(at + 1).join(""),
  );
}
