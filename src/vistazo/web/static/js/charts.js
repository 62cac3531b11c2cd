/** Small charts: downloads by month, and bars for what is counted by name. */

import { el, foreign, svg } from "./dom.js";
import { month, number, t } from "./i18n.js";

const WIDTH = 344;
const HEIGHT = 92;

/**
 * Downloads over time, a bar a month; its words say the same.
 * @param {{month: string, downloads: number}[]} months without gaps, oldest first
 */
export function monthsChart(months) {
  const most = Math.max(1, ...months.map((each) => each.downloads));
  const total = months.reduce((sum, each) => sum + each.downloads, 0);
  const peak = months.find((each) => each.downloads === most) ?? months[0];
  const step = WIDTH / months.length;
  const gap = step * 0.24;
  const said = t("chart.months", {
    total,
    first: month(months[0].month),
    last: month(months[months.length - 1].month),
    peak: month(peak.month),
    most,
  });
  const columns = months.map((each, i) => {
    const height = each.downloads ? Math.max(2, (each.downloads / most) * (HEIGHT - 2)) : 0;
    return svg(
      "rect",
      { x: i * step + gap / 2, y: HEIGHT - height, width: step - gap, height },
      svg("title", {}, t("chart.month", { month: month(each.month), n: each.downloads })),
    );
  });
  return el(
    "figure",
    {},
    svg(
      "svg.months",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": said },
      svg("line", { x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT }),
      ...columns,
    ),
    el(
      "div.axis",
      { "aria-hidden": "true" },
      el("span", {}, month(months[0].month, "short")),
      months.length > 1 && el("span", {}, month(months[months.length - 1].month, "short")),
    ),
  );
}

/**
 * What is counted by name, longest bar first.
 * @param {{name: string, n: number, onclick?: () => void}[]} rows with `onclick`, a button
 */
export function bars(rows) {
  const most = Math.max(1, ...rows.map((row) => row.n));
  return el(
    "ul.bars",
    { role: "list" },
    ...rows.map(({ name, n, onclick }) => {
      const style = { "--share": String(n / most) };
      const inside = [foreign(name), el("span.n", {}, number(n))];
      return el("li", {}, onclick ? el("button.row", { type: "button", style, onclick }, ...inside) : el("div.row", { style }, ...inside));
    }),
  );
}
