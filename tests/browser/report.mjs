// SPDX-License-Identifier: Apache-2.0
// Looks at reports in Chromium: node report.mjs DIRECTORY, which has the pages and measures that report.test made.
// Prints TAP; pictures go to DIRECTORY.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(resolve("build/npm/browser/package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const directory = resolve(process.argv[2]);
const DESK = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };

let number = Number(process.argv[3] ?? 0);
function result(isGood, name, details = []) {
  number += 1;
  for (const line of isGood ? [] : details) console.log(`# ${String(line).replaceAll("\n", "\n# ")}`);
  console.log(`${isGood ? "ok" : "not ok"} ${number} - ${name}`);
}
function same(found, expected, name) {
  const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
  result(one === other, name, [`found    ${one}`, `expected ${other}`]);
}
function none(found, name) {
  result(found.length === 0, name, found);
}

function measuresOf(name) {
  return JSON.parse(readFileSync(join(directory, `${name}.json`), "utf8"));
}

async function start() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** A page with what it said and asked for while it was there. */
async function open(browser, name, viewport, colorScheme = "light") {
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
function overflowing(page) {
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
async function looked(browser, name, viewport, scheme, plots) {
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

function titles(page, level) {
  return page.$$eval(level, (headings) => headings.map((heading) => heading.textContent));
}

const SECTIONS = [
  "At a glance",
  "How much was in use",
  "Where it was in use",
  "Who waited, and how long",
  "Who got what was guaranteed",
  "What it drew",
];

/** The figures of the page are those of the measures. */
async function figuresAgree(browser) {
  const view = await open(browser, "single", DESK);
  const { page } = view;
  const measures = measuresOf("fair");
  const percent = new Intl.NumberFormat("en-GB", { style: "percent", maximumFractionDigits: 1 });
  const short = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
  same(await titles(page, "h1"), ["jobs.csv on federation.yaml"], "one run: what was run");
  same(await titles(page, "h2"), [...SECTIONS, "All measures", "In parts", "How it was run"], "one run: all sections, in order");
  same(await page.$$eval(".card", (cards) => cards.length), 5, "one run: five figures that matter");
  same(await page.textContent(".card strong"), percent.format(measures.allocated), "one run: the first is the part in use");
  const lead = await page.textContent(".lead");
  result(lead.startsWith(`${short.format(measures.jobs)} jobs from 1 Jan 2027`), "one run: how many jobs, and when", [lead]);

  await page.click("figure details summary");
  await page.waitForSelector("figure details tbody tr", { state: "attached" }); // it is filled in when it opens
  const rows = await page.$$eval("figure details tbody tr", (all) => all.map((row) => [...row.children].map((cell) => cell.textContent)));
  same(rows.length, measures.series.count, "the numbers behind a plot: a row for each bin");
  const at = measures.series.allocated.findIndex((value) => value >= 100);
  same(rows[at]?.[1], short.format(measures.series.allocated[at]), "the numbers behind a plot are those of the run");

  const box = await (await page.$(".plot svg")).boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  const tip = await page.textContent('.plot svg [aria-label="tip"]');
  result(/in use: [\d,]/.test(tip) && /there: [\d,]/.test(tip), "who points at a plot is told what is there", [tip]);

  await page.focus("figure:nth-of-type(2) summary");
  await page.keyboard.press("Enter");
  result(await page.$eval("figure:nth-of-type(2) details", (each) => each.open && each.querySelector("tbody tr") !== null), "the keyboard opens the numbers");
  const accounts = await page.$$eval('table caption', (captions) => captions.find((each) => each.textContent === "Measures by account").parentElement.querySelectorAll("tbody tr").length);
  same(accounts, Object.keys(measures.by_account).length, "a row for each account");
  result((await page.textContent("main")).includes(measures.state_hash), "the state hash is there");
  none(view.said, "one run: the console is empty after all that");
  await view.close();
}

async function comparisonAgrees(browser) {
  const view = await open(browser, "compared", DESK);
  const { page } = view;
  const [fair, fifo] = ["fair", "fifo"].map(measuresOf);
  same(await titles(page, "h1"), ["fair, fifo and sjf, compared"], "several runs: their names");
  same(await titles(page, "h2"), [...SECTIONS, "All measures, side by side", "In parts", "How it was run"], "several runs: all sections, in order");
  const policies = await page.$$eval(".runs li", (items) => items.map((item) => item.textContent));
  result(/placement pack, nodes fail/.test(policies[2]) && !/placement|nodes fail/.test(policies[0]), "several runs: how they were placed, and that nodes failed", policies);
  const cells = await page.$$eval("#page section table thead th", (heads) => heads.slice(0, 4).map((head) => head.textContent));
  same(cells.slice(1), ["fair", "fifo", "sjf"], "several runs: a column each, in the order given");
  const row = await page.$$eval("tbody tr", (rows) => {
    const found = rows.find((each) => each.querySelector("th")?.textContent.startsWith("Preemptions"));
    return [...found.querySelectorAll("td")].map((cell) => cell.textContent);
  });
  const more = fifo.preemptions - fair.preemptions;
  const judged = more === 0 ? "same" : `${more > 0 ? "+" : "−"}${Math.abs(more)} .*${more > 0 ? "worse" : "better"}`;
  result(row[0] === String(fair.preemptions) && new RegExp(`^${fifo.preemptions}${judged}$`).test(row[1]), "several runs: differences to the first, and which way is better", row);
  const strokes = await page.$eval(".plot svg", (svg) => [...svg.querySelectorAll('[data-mark="line"] path')].map((line) => getComputedStyle(line).stroke));
  same(new Set(strokes).size, 4, "several runs: their lines are in one plot, in colours of their own");
  await view.close();
}

async function hostileIsText(browser) {
  const view = await open(browser, "hostile", PHONE);
  const { page } = view;
  const name = '</script><img src=x onerror="window.hacked=1"><b>bold</b>';
  same(await page.evaluate(() => [window.hacked ?? null, document.querySelectorAll("img, b, iframe").length, document.scripts.length]), [null, 0, 2], "names that are markup make no elements");
  result((await page.textContent("h1")).includes(name), "they are shown as they are", [await page.textContent("h1")]);
  const texts = await page.$$eval("h4", (headings) => headings.map((heading) => heading.textContent));
  result(texts.includes("__proto__") && texts.some((text) => text.startsWith(name)), "accounts too, whatever they are called", texts);
  await page.$$eval("details", (all) => all.forEach((each) => (each.open = true)));
  await page.waitForTimeout(50);
  none(await overflowing(page), "long names, and all tables open: nothing is wider than a phone");
  none(view.said, "names that are markup: the console is empty");
  await page.evaluate(() => {
    const place = document.createElement("div");
    place.innerHTML = '<img src="x" onerror="window.hacked=1"><a href="javascript:window.hacked=2">x</a>';
    document.body.append(place);
    const script = document.createElement("script");
    script.textContent = "window.hacked=3";
    document.body.append(script);
  });
  await page.click("a");
  await page.waitForTimeout(100);
  same(await page.evaluate(() => window.hacked ?? null), null, "and were they elements, the page's policy would run none");
  await view.close();
}

async function absentIsLeftOut(browser) {
  for (const [name, sections] of [["bare", ["At a glance", "All measures", "How it was run"]], ["old", ["At a glance", "All measures", "In parts", "How it was run"]]]) {
    const view = await open(browser, name, PHONE);
    const found = await titles(view.page, "h2");
    same(found.filter((title) => !sections.includes(title)), [], `${name}: what is not there has no section`);
    same(await view.page.$$eval(".plot", (plots) => plots.length), 0, `${name}: and no plot`);
    result(!/undefined|NaN|Infinity|\[object/.test(await view.page.textContent("main")), `${name}: nothing is made up in its place`, [await view.page.textContent("main")]);
    none(view.said, `${name}: the console is empty`);
    await view.close();
  }
  const view = await open(browser, "wrong", PHONE);
  none(view.said, "members of the wrong kinds: the console is empty");
  result(!/undefined|NaN|Infinity|\[object/.test(await view.page.textContent("main")), "members of the wrong kinds: they show as absent", [await view.page.textContent("main")]);
  await view.close();
}

let browser;
try {
  browser = await start();
} catch (error) {
  console.log(`ok ${number + 1} - reports in a browser # SKIP Chromium does not start: ${String(error.message).split("\n")[0]}`);
  console.log(`1..${number + 1}`);
  process.exit(0);
}
const accounts = Object.keys(measuresOf("fair").series.accounts).length;
const sites = Object.keys(measuresOf("fair").series.sites).length;
const OVER_TIME = 3 + 2 + 1 + 1 + 1; // use, fragmentation, CPUs; waiting, running; waits; accounts' means; power
const SHOWN = Math.min(12, accounts) + Math.min(12, sites);
await looked(browser, "single", DESK, "light", OVER_TIME + SHOWN + 1);
await looked(browser, "single", PHONE, "dark", OVER_TIME + SHOWN + 1);
await looked(browser, "compared", DESK, "dark", OVER_TIME + SHOWN + 3);
await looked(browser, "compared", PHONE, "light", OVER_TIME + SHOWN + 3);
await figuresAgree(browser);
await comparisonAgrees(browser);
await hostileIsText(browser);
await absentIsLeftOut(browser);
await browser.close();
console.log(`1..${number}`);
