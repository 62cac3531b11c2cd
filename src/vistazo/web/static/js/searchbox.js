/** The search box: words, an address, or a picture that is chosen, dropped or pasted. */

import { searchImage, thumbnailOf } from "./api.js";
import { showExamples } from "./asking.js";
import { byId, el, icon } from "./dom.js";
import { t } from "./i18n.js";
import { toast, toastError, working } from "./notices.js";
import * as recent from "./recent.js";
import * as results from "./results.js";
import { HOME, search, state, whereOf, wishesOf } from "./state.js";

const ADDRESS = /^https?:\/\/\S+$/i;
/** Pictures of this visit, by the server's key, to show what was searched with. @type {Map<string, string>} */
const given = new Map();

export function start() {
  const form = byId("search");
  const input = byId("q");
  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    submit(input.value.trim());
  });
  recent.start(input, submit);
  byId("clear").addEventListener("click", () => {
    input.value = "";
    submit("");
    input.focus();
  });
  input.addEventListener("input", () => (byId("clear").hidden = !input.value && byId("pill").hidden));
  input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Backspace" && !input.value && !byId("pill").hidden) submit("");
  });
  byId("ask").addEventListener("click", () =>
    showExamples((text) => {
      input.value = text;
      submit(text);
    }),
  );
  byId("choose").addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", () => {
    const [file] = byId("file").files;
    byId("file").value = "";
    if (file) void searchWith(file);
  });
  document.addEventListener("paste", paste);
  listenForDrops();
}

function submit(/** @type {string} */ text) {
  recent.hide();
  if (!text) {
    const { q, url, like, image, liked, sql } = state();
    if (q || url || like || image || liked.length || sql) search({});
    return;
  }
  recent.remember(text);
  byId("main").focus({ preventScroll: true });
  search(ADDRESS.test(text) ? { url: text } : { q: text });
}

/** Show in the box what the address says. */
export function follow() {
  const { q, url, like, image } = state();
  byId("q").value = q || url;
  const pill = byId("pill");
  pill.hidden = !(like || image);
  if (like) pill.replaceChildren(el("img", { alt: "", src: thumbnailOf(like) }), el("span", {}, t("search.like", { what: t("search.this") })));
  else if (image) pill.replaceChildren(given.has(image) ? el("img", { alt: "", src: given.get(image) }) : icon("picture"), el("span", {}, t("search.picture")));
  byId("clear").hidden = !(q || url || like || image);
}

/** Search with a picture that the user holds. @param {Blob} picture */
export async function searchWith(picture) {
  if (picture.type && !picture.type.startsWith("image/")) {
    toast(t("search.notPicture"));
    return;
  }
  const { filters, popular, diverse, fold } = state();
  const where = whereOf(filters);
  // Nothing of an earlier query stays but its order.
  const wishes = wishesOf({ ...HOME, popular, diverse, fold });
  working(true);
  try {
    const found = await searchImage(picture, { k: results.PAGE, ...wishes, ...(where && { where }) });
    const key = found.query.image_key ?? "";
    if (!given.has(key)) given.set(key, URL.createObjectURL(picture));
    results.prime({ image: key, filters, popular, diverse, fold }, found);
    search({ image: key });
  } catch (error) {
    toastError(error);
  } finally {
    working(false);
  }
}

function paste(/** @type {ClipboardEvent} */ event) {
  const picture = [...(event.clipboardData?.files ?? [])].find((file) => file.type.startsWith("image/"));
  if (picture) {
    event.preventDefault();
    void searchWith(picture);
    return;
  }
  const inField = /** @type {Element} */ (event.target).closest?.("input, textarea");
  const text = event.clipboardData?.getData("text/plain").trim() ?? "";
  if (!inField && ADDRESS.test(text)) {
    recent.remember(text);
    search({ url: text });
  }
}

function listenForDrops() {
  const veil = byId("drop");
  let depth = 0;
  const brings = (/** @type {DragEvent} */ event) => [...(event.dataTransfer?.types ?? [])].some((type) => type === "Files" || type === "text/uri-list");
  addEventListener("dragenter", (event) => {
    if (!brings(event)) return;
    depth += 1;
    veil.hidden = false;
  });
  addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    veil.hidden = depth === 0;
  });
  addEventListener("dragover", (event) => {
    if (brings(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    depth = 0;
    veil.hidden = true;
    if (!brings(event)) return;
    event.preventDefault();
    drop(/** @type {DataTransfer} */ (event.dataTransfer));
  });
}

function drop(/** @type {DataTransfer} */ brought) {
  if (brought.files.length) return void searchWith(brought.files[0]);
  const text = brought.getData("text/uri-list").split("\n")[0].trim();
  const own = text && new URL(text, location.href);
  const photo = own && own.origin === location.origin ? own.searchParams.get("photo") : null;
  if (photo) search({ like: photo }, false);
  else if (ADDRESS.test(text)) search({ url: text });
}

