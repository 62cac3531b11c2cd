/** The plane itself: points on a canvas, themes' names over it, the outline that is drawn. */

import { thumbnailOf } from "../api.js";
import { el } from "../dom.js";
import { t } from "../i18n.js";

/**
 * @typedef {import("./map.js").Place} Place
 * @typedef {import("./map.js").Theme} Theme
 * @typedef {import("./outline.js").Point} Point
 * @typedef {{name(theme: Theme): string, onPhoto(id: string): void, onTheme(theme: Theme): void, onOutline(points: Point[]): void}} How
 */

const MARGIN = 22;
const NEAR = 14; // pixels from a point that still mean it
const DRAG = 6; // pixels that make a line of a click

/**
 * @param {{places: Place[], themes: Theme[]}} map
 * @param {How} how
 */
export function plane({ places, themes }, how) {
  const canvas = el("canvas", { role: "img", "aria-label": t("map.label", { n: places.length }) });
  const preview = el("div.preview", { hidden: true, "aria-hidden": "true" });
  const names = themes.map((theme) =>
    el("button.theme", { type: "button", tabindex: "-1", "aria-pressed": "false", title: t("results.photos", { n: theme.photos }), onclick: () => how.onTheme(theme) }, el("bdi", {}, how.name(theme))),
  );
  const labels = el("div.themes", { role: "group", "aria-label": t("map.themesLabel"), onkeydown: walk }, ...names);
  const node = el("div.plane", {}, canvas, labels, preview);
  const stopping = new AbortController();
  /** @type {Set<Place> | null} */
  let marked = null;
  /** @type {Point[]} */
  let outline = [];
  /** @type {Point[]} in pixels, while it is drawn */
  let line = [];
  let width = 0;
  let height = 0;

  // North is where the coordinate grows, as in the pictures that the command line makes.
  const toPixels = (/** @type {Point} */ { x, y }) => ({ x: MARGIN + x * (width - 2 * MARGIN), y: height - MARGIN - y * (height - 2 * MARGIN) });
  const toMap = (/** @type {Point} */ { x, y }) => ({ x: (x - MARGIN) / (width - 2 * MARGIN), y: (height - MARGIN - y) / (height - 2 * MARGIN) });
  const pointOf = (/** @type {PointerEvent} */ event) => ({ x: event.offsetX, y: event.offsetY });

  function draw() {
    const scale = Math.min(2, devicePixelRatio);
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    const style = getComputedStyle(node);
    const dark = style.colorScheme.includes("dark");
    const size = Math.max(1.6, Math.min(5, 90 / Math.sqrt(places.length)));
    for (const shown of marked ? [false, true] : [true]) {
      pen.globalAlpha = shown ? 0.85 : 0.14;
      themes.forEach((_, theme) => {
        pen.fillStyle = colourOf(theme, dark);
        pen.beginPath();
        for (const place of places) {
          if (place.theme !== theme || (marked && marked.has(place) !== shown)) continue;
          const { x, y } = toPixels(place);
          pen.moveTo(x + size, y);
          pen.arc(x, y, size, 0, 2 * Math.PI);
        }
        pen.fill();
      });
    }
    pen.globalAlpha = 1;
    const drawn = line.length ? line : outline.map(toPixels);
    if (drawn.length < 2) return;
    pen.strokeStyle = style.getPropertyValue("--accent");
    pen.lineWidth = 2;
    pen.beginPath();
    for (const { x, y } of drawn) pen.lineTo(x, y);
    if (!line.length) pen.closePath();
    pen.stroke();
    pen.globalAlpha = 0.08;
    pen.fillStyle = pen.strokeStyle;
    pen.fill();
  }

  /** Names beside their photos, none over another: the largest theme's first. */
  function lay() {
    width = node.clientWidth;
    height = node.clientHeight;
    if (!width) return;
    /** @type {{left: number, top: number, right: number, bottom: number}[]} */
    const taken = [];
    const order = themes.map((_, at) => at).sort((a, b) => themes[b].photos - themes[a].photos);
    for (const at of order) {
      const { x, y } = toPixels(themes[at]);
      const { offsetWidth: w, offsetHeight: h } = names[at];
      const left = Math.max(4, Math.min(width - w - 4, x - w / 2));
      let box = { left, top: 0, right: left + w, bottom: 0 };
      for (let step = 0; step < 40; step += 1) {
        const away = Math.ceil(step / 2) * (h + 3) * (step % 2 ? 1 : -1);
        const top = Math.max(4, Math.min(height - h - 4, y - h / 2 + away));
        box = { ...box, top, bottom: top + h };
        if (!taken.some((other) => box.left < other.right && box.right > other.left && box.top < other.bottom && box.bottom > other.top)) break;
      }
      taken.push(box);
      names[at].style.setProperty("left", `${box.left}px`);
      names[at].style.setProperty("top", `${box.top}px`);
    }
    draw();
  }

  function nearest(/** @type {Point} */ to) {
    let best = null;
    let least = NEAR ** 2;
    for (const place of places) {
      const { x, y } = toPixels(place);
      const away = (x - to.x) ** 2 + (y - to.y) ** 2;
      if (away < least) [best, least] = [place, away];
    }
    return best;
  }

  function look(/** @type {Point} */ at) {
    const place = nearest(at);
    canvas.classList.toggle("on", place !== null);
    preview.hidden = !place;
    if (!place) return;
    if (preview.dataset.id !== place.photo_id) {
      preview.dataset.id = place.photo_id;
      preview.replaceChildren(el("img", { alt: "", src: thumbnailOf(place.photo_id) }));
    }
    const { x, y } = toPixels(place);
    preview.style.setProperty("left", `${Math.min(width - 170, Math.max(4, x + 14))}px`);
    preview.style.setProperty("top", `${y > height / 2 ? Math.max(4, y - 164) : y + 14}px`);
  }

  canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    line = [pointOf(event)];
  });
  canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    const at = pointOf(event);
    if (!line.length) return look(at);
    const { x, y } = line[line.length - 1];
    if (Math.hypot(at.x - x, at.y - y) < DRAG) return;
    preview.hidden = true;
    line.push(at);
    draw();
  });
  canvas.addEventListener("pointerup", (/** @type {PointerEvent} */ event) => {
    const drawn = line;
    line = [];
    if (drawn.length > 2) return how.onOutline(drawn.map(toMap));
    draw();
    const place = drawn.length ? nearest(pointOf(event)) : null;
    if (place) how.onPhoto(place.photo_id);
  });
  canvas.addEventListener("pointercancel", () => {
    line = [];
    draw();
  });
  canvas.addEventListener("pointerleave", () => (preview.hidden = true));

  /** Arrows lead to the nearest theme on that side. */
  function walk(/** @type {KeyboardEvent} */ event) {
    const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    const from = names.indexOf(document.activeElement);
    if (!step || from < 0) return;
    event.preventDefault();
    let best = -1;
    let least = Infinity;
    themes.forEach((theme, at) => {
      const ahead = (theme.x - themes[from].x) * step[0] + (theme.y - themes[from].y) * step[1];
      const aside = Math.abs((theme.x - themes[from].x) * step[1]) + Math.abs((theme.y - themes[from].y) * step[0]);
      if (at !== from && ahead > 0 && ahead + 2 * aside < least) [best, least] = [at, ahead + 2 * aside];
    });
    // Nobody is left out: where none lies on that side, the next in the list.
    if (best < 0) best = (from + (event.key === "ArrowRight" || event.key === "ArrowDown" ? 1 : names.length - 1)) % names.length;
    stop(best);
    names[best].focus();
  }

  /** The theme that the Tab key stops at. */
  const stop = (/** @type {number} */ at) => names.forEach((name, i) => name.setAttribute("tabindex", i === at ? "0" : "-1"));

  return {
    node,
    start() {
      stop(0);
      lay();
      const watching = new ResizeObserver(lay);
      watching.observe(node);
      const light = new MutationObserver(draw);
      light.observe(document.documentElement, { attributeFilter: ["data-theme"] });
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw, { signal: stopping.signal });
      stopping.signal.addEventListener("abort", () => {
        watching.disconnect();
        light.disconnect();
      });
    },
    /** Bring photos out, with the outline around them, or a theme. */
    mark(/** @type {Place[] | null} */ some, /** @type {Point[]} */ around, /** @type {number} */ theme) {
      marked = some && new Set(some);
      outline = around;
      names.forEach((name, at) => name.setAttribute("aria-pressed", String(at === theme)));
      if (theme >= 0) stop(theme);
      draw();
    },
    stop: () => stopping.abort(),
  };
}

/** Hues far from each other for neighbours in the list. */
const colourOf = (/** @type {number} */ at, /** @type {boolean} */ dark) => `hsl(${(at * 137.508 + 165) % 360} ${dark ? "60% 66%" : "58% 42%"})`;
