// SPDX-License-Identifier: Apache-2.0
// What looks at pages in Chromium share: node LOOK.mjs DIRECTORY NUMBER, the folder of the pages and how many tests there
// were before. They print TAP; pictures go to DIRECTORY.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(resolve("build/npm/browser/package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
export const directory = resolve(process.argv[2]);
export const DESK = { width: 1280, height: 900 };
export const PHONE = { width: 390, height: 844 };

let number = Number(process.argv[3] ?? 0);
export function result(isGood, name, details = []) {
  number += 1;
  for (const line of isGood ? [] : details) console.log(`# ${String(line).replaceAll("\n", "\n# ")}`);
  console.log(`${isGood ? "ok" : "not ok"} ${number} - ${name}`);
}
export function same(found, expected, name) {
  const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
  result(one === other, name, [`found    ${one}`, `expected ${other}`]);
}
export function none(found, name) {
  result(found.length === 0, name, found);
}

export function jsonOf(name) {
  return JSON.parse(readFileSync(join(directory, `${name}.json`), "utf8"));
}

/** Chromium; where it does not start the tests are skipped, and this is the end. */
export async function start(what) {
  try {
    return await launch();
  } catch (error) {
    console.log(`ok ${number + 1} - ${what} # SKIP Chromium does not start: ${String(error.message).split("\n")[0]}`);
    console.log(`1..${number + 1}`);
    process.exit(0);
  }
}

function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** A page with what it said and asked for while it was there. */
export async function open(browser, name, viewport, colorScheme = "light") {
  const context = await browser.newContext({ viewport, colorScheme, locale: "en-GB", reducedMotion: "reduce" });
  const page = await context.newPage();
  const said = [];
  const asked = [];
  page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => said.push(error.stack));
  page.on("request", (request) => asked.push(request.url()));
  const url = pathToFileURL(join(directory, `${name}.html`)).href;
  await page.goto(url);
  await page.waitForFunction(() => [...document.querySelectorAll(".plot")].every((place) => place.firstElementChild !== null));
  return { page, said, asked: asked.filter((each) => each !== url), close: () => context.close() };
}

/** Of each plot: its text, and how many of its marks cover any ground. */
function plotsOf(page) {
  return page.$$eval(".plot", (places) =>
    places.map((place) => {
      const svg = place.querySelector("svg");
      const marks = [...(svg?.querySelectorAll('[data-mark="line"] path, [data-mark="area"] path, [data-mark="bar"] rect, [data-mark="dot"] circle') ?? [])];
      const drawn = marks.filter((mark) => {
        const box = mark.getBBox();
        return Math.max(box.width, box.height) > 0;
      });
      return { label: svg?.getAttribute("aria-label") ?? "", role: svg?.getAttribute("role"), width: svg?.getBoundingClientRect().width ?? 0, drawn: drawn.length };
    }),
  );
}

/** What sticks out of the page to the right, boxes that scroll by themselves left out. */
export function overflowing(page) {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const out = [...document.querySelectorAll("body *")].filter((each) => each.closest(".scroll *, .unseen") === null && each.getBoundingClientRect().right > width + 1);
    const wide = document.documentElement.scrollWidth > width ? [`the page is ${document.documentElement.scrollWidth} px wide`] : [];
    return [...wide, ...out.map((each) => `${each.tagName} ${each.getAttribute("class") ?? ""} ${each.textContent.slice(0, 40)}`)];
  });
}

/** Headings that leave a level out. */
function jumps(page) {
  return page.$$eval("h1, h2, h3, h4, h5, h6", (headings) =>
    headings.filter((heading, i) => Number(heading.tagName[1]) > Number(headings[i - 1]?.tagName[1] ?? 0) + 1).map((heading) => heading.outerHTML),
  );
}

async function breaches(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.flatMap(({ id, help, nodes }) => nodes.slice(0, 3).map((node) => `${id}: ${help}: ${node.target} ${node.failureSummary}`));
}

/** What holds for every page, whatever stands in it. */
export async function looked(browser, name, viewport, scheme, plots) {
  const view = await open(browser, name, viewport, scheme);
  const what = `${name}, ${viewport.width} px, ${scheme}`;
  const drawn = await plotsOf(view.page);
  same(drawn.length, plots, `${what}: all plots are there`);
  none(
    drawn.filter((plot) => plot.drawn === 0 || plot.width < 100 || plot.role !== "img" || plot.label === "").map((plot) => JSON.stringify(plot)),
    `${what}: each plot has drawn something and has a text in its place`,
  );
  none(await overflowing(view.page), `${what}: nothing is wider than the page`);
  none(await jumps(view.page), `${what}: headings are in order`);
  await view.page.screenshot({ path: join(directory, `${name}-${viewport.width}-${scheme}.png`), fullPage: true });
  none(await breaches(view.page), `${what}: axe finds nothing`);
  none(view.said, `${what}: the console is empty`);
  none(view.asked, `${what}: nothing is asked for`);
  await view.close();
}

export function titles(page, level) {
  return page.$$eval(level, (headings) => headings.map((heading) => heading.textContent));
}

export async function finish(browser) {
  await browser.close();
  console.log(`1..${number}`);
}
