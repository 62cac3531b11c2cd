/**
 * The server's REST interface, `/api/v1`.
 *
 * @typedef {object} Hit
 * @property {string} photo_id
 * @property {string} [uri]
 * @property {number | null} score
 * @property {string} description
 * @property {number} width
 * @property {number} height
 * @property {Record<string, string>} attributes
 * @property {string[]} [why]  what brought it here
 * @property {boolean} [weak]
 * @property {string} [thumbnail]
 *
 * @typedef {object} Found
 * @property {Hit[]} hits
 * @property {string | null} next_cursor
 * @property {number} total
 * @property {{kind: string, text?: string, photo_id?: string, image_key?: string | null}} query
 * @property {{path: string, reason: string, stages_ms: Record<string, number>}} [explain]
 * @property {string | null} [notice]
 * @property {boolean} [weak]  nothing really matches
 *
 * @typedef {Record<string, string | number | string[]>} Parameters
 */

import { t } from "./i18n.js";

const ROOT = "/api/v1";
const IDS_AT_ONCE = 100;

/** Something that the server, or the way to it, refused; its message is for people. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {number} status 0 when nobody answered
   * @param {string} code
   * @param {number | null} position of what is wrong in a text that cannot be read
   */
  constructor(message, status = 0, code = "gone", position = null) {
    super(message);
    this.status = status;
    this.code = code;
    this.position = position;
  }

  get gone() {
    return this.status === 0;
  }
}

/** Called when nobody answers, and when somebody does again. */
export const line = { lost: () => {}, found: () => {} };

/**
 * @param {string} path below /api/v1
 * @param {Parameters} [query]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export const get = (path, query = {}, signal) => json(ROOT + path + text(query), { signal });

/** @param {string} path @param {unknown} body @param {AbortSignal} [signal] @returns {Promise<any>} */
export const post = (path, body, signal) =>
  json(ROOT + path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
    signal,
  });

/** @param {string} path @returns {Promise<any>} */
export const remove = (path) => json(ROOT + path, { method: "DELETE" });

/** Photos by id, in this order; ids that the library does not have are left out. @returns {Promise<Hit[]>} */
export async function photosOf(/** @type {string[]} */ ids) {
  /** @type {Map<string, Hit>} */
  const known = new Map();
  for (let i = 0; i < ids.length; i += IDS_AT_ONCE) {
    const { hits } = await get("/search", { where: filterOf(ids.slice(i, i + IDS_AT_ONCE)), k: IDS_AT_ONCE });
    for (const hit of hits) known.set(hit.photo_id, hit);
  }
  return ids.flatMap((id) => known.get(id) ?? []);
}

/** The filter that keeps these photos. @param {string[]} ids */
export const filterOf = (ids) => `photo_id in (${ids.map((id) => `'${id.replace(/[\\']/g, "\\$&")}'`).join(", ")})`;

/** Search with a picture that the user holds. @returns {Promise<Found>} */
export function searchImage(/** @type {Blob} */ image, /** @type {Parameters} */ fields) {
  const form = new FormData();
  form.append("image", image, "picture");
  for (const [name, value] of Object.entries(fields)) form.append(name, String(value));
  return json(`${ROOT}/search`, { method: "POST", body: form });
}

/** A file made of photos, and the name that the server gives it. */
export async function exported(/** @type {string} */ format, /** @type {string[]} */ photoIds) {
  const answer = await send(`${ROOT}/export?format=${format}`, {
    method: "POST",
    body: JSON.stringify({ photo_ids: photoIds }),
    headers: { "Content-Type": "application/json" },
  });
  const named = /filename="?([^";]+)/.exec(answer.headers.get("Content-Disposition") ?? "");
  return { blob: await answer.blob(), name: named?.[1] ?? `photos.${format}` };
}

/** Follow a job's events until it has ended. @returns {EventSource} */
export const events = (/** @type {string} */ job) => new EventSource(`${ROOT}/jobs/${encodeURIComponent(job)}/events`);

/** @param {string} photoId the address of its file, or of a picture at most so large */
export function imageOf(photoId, /** @type {number} */ side = 0) {
  const path = `/images/${encodeURIComponent(photoId)}`;
  return side ? `${path}?w=${side}&h=${side}` : path;
}

/** @param {string} photoId */
export const thumbnailOf = (photoId) => `${ROOT}/photos/${encodeURIComponent(photoId)}/thumbnail`;

/** @param {string} photoId */
export const pathOf = (photoId) => `/photos/${encodeURIComponent(photoId)}`;

/** @param {Parameters} query */
export function text(query) {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) for (const one of [value].flat()) given.append(name, String(one));
  return given.size ? `?${given}` : "";
}

async function json(/** @type {string} */ path, /** @type {RequestInit} */ how) {
  const answer = await send(path, how);
  return answer.status === 204 ? null : answer.json();
}

async function send(/** @type {string} */ path, /** @type {RequestInit} */ how) {
  let answer;
  try {
    answer = await fetch(path, how);
  } catch (error) {
    if (/** @type {Error} */ (error).name === "AbortError") throw error;
    line.lost();
    throw new ApiError(t("error.gone"));
  }
  line.found();
  if (answer.ok) return answer;
  const { error } = await answer.json().catch(() => ({ error: null }));
  const message = error?.message ?? answer.statusText;
  throw new ApiError(message, answer.status, error?.code ?? "http", error?.position ?? null);
}
