/** A dialog over the page; the browser keeps the focus inside and gives it back. */

import { byId, button, el } from "./dom.js";
import { t } from "./i18n.js";

/** @param {string} title @param {(Node | null | false)[]} body */
export function sheet(title, ...body) {
  return show("", title, body);
}

/** @param {string} title @param {(Node | null | false)[]} body */
export function narrowSheet(title, ...body) {
  return show("narrow", title, body);
}

function show(/** @type {string} */ kind, /** @type {string} */ title, /** @type {any[]} */ body) {
  const dialog = byId("sheet");
  dialog.className = `sheet ${kind}`.trim();
  dialog.setAttribute("aria-label", title);
  dialog.replaceChildren(
    el("div.head", {}, el("h2", {}, title), button("bare", "close", t("detail.close"), () => dialog.close())),
    el("div.body", { tabindex: "0", role: "group", "aria-label": title }, ...body),
  );
  dialog.onclick = (/** @type {MouseEvent} */ event) => {
    if (event.target === dialog) dialog.close();
  };
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  return dialog;
}
