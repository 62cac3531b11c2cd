/** Making elements. Text is only ever set as text: nothing here reads markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element.
 * @param {string} tag "div", or with classes "div.card.wide"
 * @param {Record<string, unknown>} [properties] `on*` are listeners, `style` maps custom
 *   properties, null, undefined and false leave an attribute out
 * @param {(Node | string | number | null | undefined | false)[]} children
 * @returns {any}
 */
export function el(tag, properties = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  return fill(document.createElement(name), classes, properties, children);
}

/** The same for SVG. @returns {any} */
export function svg(/** @type {string} */ tag, properties = {}, /** @type {any[]} */ ...children) {
  const [name, ...classes] = tag.split(".");
  return fill(document.createElementNS(SVG, name), classes, properties, children);
}

/** @param {string} name of a symbol in the document */
export function icon(name) {
  return svg("svg.icon", { "aria-hidden": "true" }, svg("use", { href: `#i-${name}` }));
}

/** Text of somebody else, kept apart from the direction of what surrounds it. */
export function foreign(/** @type {string} */ text, /** @type {string} */ tag = "bdi") {
  return el(tag, { dir: "auto" }, text);
}

/** A button with an icon, a text, or both. */
export function button(
  /** @type {string} */ kind,
  /** @type {string | null} */ iconName,
  /** @type {string} */ label,
  /** @type {(event: MouseEvent) => void} */ onclick,
  /** @type {Record<string, unknown>} */ more = {},
) {
  const bare = kind.includes("bare");
  return el(
    `button.${kind.split(" ").join(".")}`,
    { type: "button", onclick, "aria-label": bare ? label : null, title: bare ? label : null, ...more },
    iconName && icon(iconName),
    !bare && el("span", {}, label),
  );
}

/** @param {string} id */
export const byId = (id) => /** @type {any} */ (document.getElementById(id));

function fill(/** @type {any} */ node, /** @type {string[]} */ classes, /** @type {any} */ properties, /** @type {any[]} */ children) {
  if (classes.length) node.setAttribute("class", classes.join(" "));
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style") setStyle(node, /** @type {any} */ (value));
    else if (name in node && typeof value !== "string" && node.namespaceURI !== SVG) node[name] = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

function setStyle(/** @type {HTMLElement} */ node, /** @type {Record<string, string>} */ style) {
  for (const [name, value] of Object.entries(style)) node.style.setProperty(name, value);
}
