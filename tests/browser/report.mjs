// SPDX-License-Identifier: Apache-2.0
// Looks at reports in Chromium: node report.mjs DIRECTORY NUMBER, which has the pages and measures that report.test made.
import { DESK, PHONE, finish, jsonOf, looked, none, open, overflowing, result, same, start, titles } from "./looking.mjs";

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
  const measures = jsonOf("fair");
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
  const [fair, fifo] = ["fair", "fifo"].map(jsonOf);
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

const browser = await start("reports in a browser");
const accounts = Object.keys(jsonOf("fair").series.accounts).length;
const sites = Object.keys(jsonOf("fair").series.sites).length;
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
await finish(browser);
