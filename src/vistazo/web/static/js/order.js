/** The panel that says how photos are put in order; the usual way unless somebody wishes otherwise. */

import { byId, button, el } from "./dom.js";
import { number, t } from "./i18n.js";
import { USUAL, go, isUnusual, ranks, state } from "./state.js";

/** @typedef {"popular" | "diverse"} Share */

let open = false;

/** The button that opens the panel; marked where the order is not the usual one. */
export function opener() {
  if (!ranks(state())) return null;
  const unusual = isUnusual(state());
  return button(`plain${unusual ? " marked" : ""}`, "order", t("order.title"), toggle, {
    id: "order-open",
    title: unusual ? t("order.changed") : t("order.title"),
    "aria-expanded": String(open),
    "aria-controls": "order",
    "aria-description": unusual ? t("order.changed") : null,
  });
}

function toggle() {
  open = !open;
  byId("order-open")?.setAttribute("aria-expanded", String(open));
  follow();
}

/** Show in the panel what the address says. */
export function follow() {
  const panel = byId("order");
  panel.hidden = !open || !ranks(state());
  if (panel.hidden) return;
  // Controls stay where they are while they are used.
  if (!panel.firstChild) build(panel);
  const now = state();
  for (const choice of panel.querySelectorAll('input[type="radio"]')) {
    choice.checked = choice.value === now.mode;
    // Only what is typed has words.
    choice.disabled = !now.q;
  }
  for (const name of /** @type {Share[]} */ (["popular", "diverse"])) {
    byId(`order-${name}`).value = String(now[name]);
    said(name, now[name]);
  }
  byId("order-fold").checked = now.fold;
  byId("order-cut").checked = !now.all;
  // Not taken away, so that the focus can stay on it.
  byId("order-usual").disabled = !isUnusual(now);
}

/** Forget the panel's texts: the language has changed. */
export const refresh = () => byId("order").replaceChildren();

/** The order that nobody has to wish for. */
export const usual = () => go({ ...USUAL });

function build(/** @type {HTMLElement} */ panel) {
  panel.setAttribute("aria-label", t("order.title"));
  const mode = (/** @type {"" | "picture" | "words"} */ value, /** @type {string} */ label) =>
    el("label", {}, el("input", { type: "radio", name: "mode", value, onchange: () => go({ mode: value }) }), el("span", {}, t(label)));
  panel.replaceChildren(
    el(
      "fieldset.modes",
      {},
      el("legend", {}, t("order.mode")),
      el("div.either", {}, mode("", "order.both"), mode("picture", "order.picture"), mode("words", "order.words")),
    ),
    share("popular"),
    share("diverse"),
    el(
      "div.switches",
      {},
      choice("order-fold", t("order.fold"), (on) => go({ fold: on })),
      choice("order-cut", t("order.cut"), (on) => go({ all: !on })),
    ),
    button("plain", null, t("order.usual"), usual, { id: "order-usual" }),
  );
}

function share(/** @type {Share} */ name) {
  const slider = el("input", {
    id: `order-${name}`,
    type: "range",
    min: "0",
    max: "1",
    step: "0.1",
    oninput: () => said(name, Number(slider.value)),
    onchange: () => go({ [name]: Number(slider.value) }),
  });
  return el("label.share", { for: slider.id }, el("span", {}, t(`order.${name}`)), el("output", { id: `order-${name}-said`, for: slider.id }), slider);
}

function said(/** @type {Share} */ name, /** @type {number} */ value) {
  const text = value ? number(value, { style: "percent" }) : t("order.off");
  byId(`order-${name}-said`).textContent = text;
  byId(`order-${name}`).setAttribute("aria-valuetext", text);
}

function choice(/** @type {string} */ id, /** @type {string} */ label, /** @type {(on: boolean) => void} */ then) {
  return el("label.check-line", {}, el("input", { id, type: "checkbox", onchange: (/** @type {any} */ event) => then(event.target.checked) }), label);
}
