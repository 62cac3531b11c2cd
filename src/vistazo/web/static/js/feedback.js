/** Photos that a search is moved towards, and away from. */

import { thumbnailOf } from "./api.js";
import { button, el, icon } from "./dom.js";
import { t } from "./i18n.js";
import { go, ranks, state } from "./state.js";

/** @typedef {"liked" | "disliked"} Side */

const ICONS = { liked: "towards", disliked: "away" };

/** Whether there is a search to be moved. */
export const isOffered = () => ranks(state());

/** @param {Side} side @param {string} id */
export const has = (side, id) => state()[side].includes(id);

/** Judge a photo, or take the judgement back; what was said of it before no longer holds. */
export function judge(/** @type {Side} */ side, /** @type {string} */ id) {
  const without = (/** @type {Side} */ which) => state()[which].filter((other) => other !== id);
  const judged = { liked: without("liked"), disliked: without("disliked") };
  if (!has(side, id)) judged[side] = [...judged[side], id];
  go(judged);
}

/**
 * The two buttons of a photo.
 * @param {string} kind "bare" shows only icons, "plain" has words
 * @param {string} id
 * @param {string} name what the photo is called
 * @param {Record<string, unknown>} [more]
 */
export function buttons(kind, id, name, more = {}) {
  const bare = kind.includes("bare");
  /** @type {Side[]} */
  const sides = ["liked", "disliked"];
  const made = sides.map((side) =>
    button(
      `${kind} ${side}`,
      ICONS[side],
      bare ? t(`feedback.${side}`, { what: name }) : t(`feedback.${side}This`),
      () => {
        judge(side, id);
        // A dialog stays where it is; a grid is made anew.
        made.forEach((node, at) => node.setAttribute("aria-pressed", String(has(sides[at], id))));
      },
      { "aria-pressed": String(has(side, id)), ...(bare && { title: t(`feedback.${side}This`) }), ...more },
    ),
  );
  return made;
}

/** What the search was moved by, to be taken away again. */
export function chips() {
  const of = (/** @type {Side} */ side) =>
    state()[side].map((id) =>
      el(
        `button.chip.judged.${side}`,
        { type: "button", "aria-label": t(`feedback.${side}Remove`, { id }), title: t(`feedback.${side}This`), onclick: () => judge(side, id) },
        icon(ICONS[side]),
        el("img", { alt: "", src: thumbnailOf(id) }),
        icon("close"),
      ),
    );
  return [...of("liked"), ...of("disliked")];
}
