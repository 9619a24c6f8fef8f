// SPDX-License-Identifier: Apache-2.0
// Looks at plans' pages in Chromium: node plan.mjs DIRECTORY NUMBER, which has the pages and plans that plan.test made.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DESK, PHONE, directory, finish, looked, none, open, overflowing, result, same, start, titles } from "./looking.mjs";

const count = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const percent = new Intl.NumberFormat("en-GB", { style: "percent", maximumFractionDigits: 1 });
const DATA = /(<script type="application\/json" id="data">)(.*?)(<\/script>)/s;

function text(name) {
  return readFileSync(join(directory, name), "utf8");
}

function documentOf(name) {
  return JSON.parse(DATA.exec(text(`${name}.html`))[2]);
}

/** A page with another document. */
function write(name, from, document) {
  const data = JSON.stringify(document).replaceAll("<", "\\u003c");
  writeFileSync(join(directory, `${name}.html`), text(`${from}.html`).replace(DATA, (_, begin, _data, end) => `${begin}${data}${end}`));
}

/** Rows of a CSV file without quotes, by their columns' names. */
function tableOf(name) {
  const [head, ...rows] = text(name).trim().split("\n").map((line) => line.split(","));
  return rows.map((row) => Object.fromEntries(head.map((column, i) => [column, row[i]])));
}

const SECTIONS = [
  "At a glance",
  "Targets, and whether they are met",
  "Where",
  "How the fleet grows",
  "What is built, and when",
  "Power",
  "Money",
  "Work that gets done",
  "What binds",
  "Sites and chips",
  "Certificate",
];

/** The rows of the table behind the figure with this title, opened first. */
async function numbersBehind(page, title) {
  return page.evaluate(async (wanted) => {
    const heading = [...document.querySelectorAll("figure > h3, figure > h4")].find((each) => each.textContent.includes(wanted));
    const details = heading.parentElement.querySelector("details");
    details.open = true;
    while (details.querySelector("tbody tr") === null) await new Promise((done) => setTimeout(done, 5));
    return [...details.querySelectorAll("tbody tr")].map((row) => [...row.children].map((cell) => cell.textContent));
  }, title);
}

/** What the page says is what the plan's own tables have. */
async function numbersAgree(browser, name) {
  const view = await open(browser, name, DESK);
  const { page } = view;
  const plan = `${name}.plan`;
  const quarters = tableOf(`${plan}/quarters.csv`);
  const certificate = JSON.parse(text(`${plan}/certificate.json`));
  const document = documentOf(name);
  const at = document.scenario.quarters.indexOf(document.targets[document.targets.length - 1].quarter);
  same(await titles(page, "h2"), SECTIONS, `${name}: all sections, in order`);
  const ordered = quarters.reduce((sum, row) => sum + Number(row.ordered), 0);
  const phases = tableOf(`${plan}/phases.csv`).length;
  const lead = await page.textContent(".lead");
  result(
    lead.includes(`${count.format(ordered)} accelerators are ordered`) && lead.includes(`${phases} phase`) && lead.includes(`in ${quarters[at].quarter} ${count.format(quarters[at].on)} accelerators work`),
    `${name}: what is ordered, begun and on stands in the first sentence`,
    [lead],
  );
  same(await page.textContent(".card strong"), count.format(quarters[at].on), `${name}: the first figure is what is on`);
  const [asked, served] = ["_units", "_served_units"].map((end) =>
    Object.entries(quarters[at]).reduce((sum, [column, value]) => sum + (column.endsWith(end) && (end !== "_units" || !column.endsWith("_served_units")) ? Number(value) : 0), 0),
  );
  const cards = await page.$$eval(".card", (all) => all.map((card) => card.textContent));
  result(cards.some((card) => card.startsWith(`Work done${percent.format(served / asked)}`)), `${name}: the part of the work that is done`, cards);

  const fleet = await numbersBehind(page, "The fleet grows");
  same(fleet.map((row) => row[0]), quarters.map((row) => row.quarter), `${name}: the numbers behind the fleet: a row for each quarter`);
  const chips = await page.$$eval("figure details thead th", (heads) => heads.length);
  result(chips > 1, `${name}: a column for each chip`);
  const power = await numbersBehind(page, "are drawn, in");
  const near = power.filter((row, t) => Math.abs(Number(row[1].replaceAll(",", "")) - Number(quarters[t].draw_mw)) > 0.051);
  none(near, `${name}: the power that is drawn is the plan's`);
  const years = await numbersBehind(page, "are spent on orders and building");
  const spent = years.map((row) => [row[0], row[4].replaceAll(",", "")]);
  const sums = new Map();
  for (const row of quarters) sums.set(row.quarter.slice(0, 4), (sums.get(row.quarter.slice(0, 4)) ?? 0) + Number(row.spent_m));
  none(
    spent.filter(([year, millions]) => Math.abs(Number(millions) - sums.get(year)) > 0.5).map((row) => row.join(" ")),
    `${name}: each year's spending is the plan's`,
  );
  const parts = await numbersBehind(page, "All in all it costs");
  const value = (row) => Number(row[1].replaceAll(",", ""));
  const total = parts.slice(0, -1).reduce((sum, row) => sum + value(row), 0);
  result(Math.abs(total - value(parts[parts.length - 1])) < 0.01 + parts.length * 0.5 * (value(parts[parts.length - 1]) >= 1000 ? 1 : 0.001), `${name}: the parts of the cost come to it`, parts);

  const shown = await page.textContent("main");
  for (const hash of [certificate.inputs_sha256, certificate.plan_sha256]) result(shown.includes(hash), `${name}: a hash of the certificate is there`, [hash]);
  const gap = new Intl.NumberFormat("en-GB", { style: "percent", maximumSignificantDigits: 2 }).format(certificate.gap_percent / 100);
  result(shown.includes(`no plan for these tables is cheaper by more than ${gap}`), `${name}: the gap, in words`, [gap]);
  result(shown.includes(`daero plan verify ${directory}/${plan}`), `${name}: the command that checks it`);
  result(!/undefined|NaN|Infinity|\[object/.test(shown), `${name}: nothing is left unsaid`);
  none(view.said, `${name}: the console is empty after all that`);
  await view.close();
}

async function mapMoves(browser) {
  const view = await open(browser, "map", DESK);
  const { page } = view;
  const document = documentOf("map");
  const placed = document.sites.filter((site) => site.latitude !== undefined);
  const circles = await page.$$eval('.map-and-list .plot:first-of-type svg [data-mark="dot"] circle', (all) => all.length);
  same(circles, placed.length, "map: a circle for each site that says where it lies");
  const note = await page.textContent(".map-and-list .note");
  const lost = document.sites.filter((site) => site.latitude === undefined).map((site) => site.name);
  result(lost.length === 1 && lost.every((name) => note.includes(name)), "map: who does not say so is named", [note]);
  const texts = await page.$$eval(".map-and-list .plot svg text", (all) => all.map((each) => each.textContent));
  none(document.zones.map((zone) => zone.zone).filter((zone) => !texts.includes(zone)), "map: zones have their names");
  const labels = () => page.$eval(".map-and-list figure:last-child svg", (svg) => svg.getAttribute("aria-label"));
  const before = await labels();
  await page.focus('input[type="range"]');
  await page.keyboard.press("Home");
  const first = document.scenario.quarters[0];
  same(await page.textContent("output"), first, "map: the keyboard picks another quarter");
  const after = await labels();
  const [site] = document.sites;
  result(before !== after && after.includes(`in ${first}`) && after.includes(`${site.name} ${count.format(site.on[0])}`), "map: and the list has that quarter's numbers", [after]);
  await page.check('input[value="power"]');
  result((await labels()).includes("power of the site"), "map: or the power of sites");
  none(view.said, "map: the console is empty after all that");
  await view.close();
}

async function coursesAgree(browser) {
  const view = await open(browser, "compared", PHONE);
  const { page } = view;
  const { courses } = JSON.parse(text("courses.json"));
  same((await titles(page, "h2")).includes("Beside other courses"), true, "compared: other courses have a section");
  const table = await page.evaluate(() => {
    const caption = [...document.querySelectorAll("caption")].find((each) => each.textContent === "The plan beside other courses");
    return [...caption.parentElement.querySelectorAll("tr")].map((row) => [...row.children].map((cell) => cell.textContent));
  });
  same(table[0], ["what", "this plan", "nothing", "one-off", "steady"], "compared: a column each");
  const unmet = table.find((row) => row[0] === "work not done");
  same(unmet.slice(2), ["nothing", "one-off", "steady"].map((name) => (courses[name].found ? percent.format(courses[name].unmet) : courses[name].why)), "compared: their work not done");
  same(unmet[1], percent.format(documentOf("compared").figures.unmet), "compared: beside this plan's");
  await view.close();
}

/** The cells of the table with this caption, row by row. */
function rowsOf(page, caption) {
  return page.evaluate((wanted) => {
    const found = [...document.querySelectorAll("caption")].find((each) => each.textContent.startsWith(wanted));
    return [...(found?.parentElement.querySelectorAll("tr") ?? [])].map((row) => [...row.children].map((cell) => cell.textContent));
  }, caption);
}

const near = (text, value) => Math.abs(Number(text.replaceAll(",", "")) - value / 1e6) <= 0.5 * (Math.abs(value) < 1e9 ? 1e-3 : 1);

async function studiesAgree(browser) {
  const view = await open(browser, "studied", PHONE);
  const { page } = view;
  const { alternatives } = JSON.parse(text("alternatives/alternatives.json"));
  const futures = JSON.parse(text("futures/futures.json"));
  const sections = await titles(page, "h2");
  none(["Plans that are nearly as good", "If the future differs"].filter((title) => !sections.includes(title)), "studied: alternatives and futures have sections");
  const costs = await rowsOf(page, "What plans that are nearly as good cost");
  result(alternatives.length > 0 && costs.length === alternatives.length + 2, "studied: a row for each alternative, below the plan's", costs);
  none(alternatives.filter((each, i) => !near(costs[i + 2][1], each.cost) || costs[i + 2][3] !== percent.format(each.differs)), "studied: with its cost, and how far it differs");
  const shown = await page.textContent("main");
  const lines = alternatives.flatMap((each) => each.words.trim().split("\n").map((line) => line.slice(1)));
  none(lines.filter((line) => !shown.includes(line)), "studied: and its words");

  const regrets = await rowsOf(page, "What each decision costs above");
  same(regrets[0], ["decided now", ...futures.futures.map((each) => each.future), "worst", "expected cost"], "studied: a column for each future");
  same(regrets.length, futures.stages.length + 1, "studied: a row for each decision");
  const words = { none: "no plan", "not-in-time": "not done in time", "not-whole": "not found in whole lots", "not-tried": "not tried" };
  const wrongCells = futures.stages.flatMap((stage, i) =>
    stage.in.filter((cell, w) => {
      const said = regrets[i + 1]?.[w + 1] ?? "";
      return cell.result === "plan" ? !near(said, Math.max(0, cell.regret)) : said !== words[cell.result];
    }),
  );
  none(wrongCells.map((cell) => JSON.stringify(cell)), "studied: each cell has its regret, or why there is none");
  result(futures.chosen !== null && regrets.filter((row) => row[0].endsWith(": the plan")).length === 1, "studied: one decision is the plan's", [futures.chosen]);
  none(futures.futures.flatMap((each) => each.relaxed).filter((each) => !shown.includes(each.words)).map((each) => each.words), "studied: what had to give is told");
  const orders = await rowsOf(page, "What is ordered now, in every future");
  const ordered = orders.slice(1).reduce((sum, row) => sum + Number(row[2].replaceAll(",", "")), 0);
  same(ordered, futures.first_stage.orders.reduce((sum, each) => sum + each.count, 0), "studied: what is ordered now comes to what is decided");
  same((await rowsOf(page, "What is begun now, in every future")).slice(1).length, futures.first_stage.phases.length, "studied: and what is begun");
  const swings = await numbersBehind(page, "What the cost hangs on most");
  const ends = futures.tornado.swings.flatMap((swing, i) => [[swing.cost_low, swings[i + 1][2]], [swing.cost_high, swings[i + 1][4]]]);
  none(ends.filter(([cost, said]) => (cost === null ? /\d/.test(said) : !near(said, cost))).map(String), "studied: the numbers behind the bars, the widest first");
  await page.$$eval("details", (all) => all.forEach((each) => (each.open = true)));
  await page.waitForTimeout(50);
  none(await overflowing(page), "studied: with all tables open nothing is wider than a phone");
  none(view.said, "studied: the console is empty after all that");
  await view.close();
}

/** What is promised and what came of it, as replay.json and factors.csv have it. */
async function replayAgrees(browser) {
  const view = await open(browser, "studied", PHONE);
  const { page } = view;
  const replay = JSON.parse(text("replayed/replay.json"));
  const [round] = replay.rounds;
  const title = "Would people get their compute?";
  result((await titles(page, "h2")).includes(title), "replayed: it has a section");
  const shown = await page.evaluate((wanted) => [...document.querySelectorAll("section")].find((each) => each.querySelector("h2").textContent === wanted).textContent, title);
  result(shown.includes(round.answer) && shown.includes(replay.rounds[1].answer), "replayed: with the answer for the plan, and for the last one", [shown]);
  const judged = round.years.filter((year) => year.promised_units > 0 && !year.coarse);
  const kept = judged.filter((year) => !year.broken).length;
  const cards = await page.$$eval(".card", (all) => all.map((card) => card.textContent));
  result(kept < judged.length && cards.some((card) => card.startsWith(`Promises kept${kept} of ${judged.length}`)), "replayed: how many promises are kept is told at a glance", cards);

  const last = Math.max(...round.years.map((year) => year.year));
  const hours = (name) => count.format(round.years.filter((year) => year.year === last).reduce((sum, year) => sum + year[`${name}_accelerator_hours_a_day`], 0));
  const figure = `In ${last} the plan promises ${hours("promised")} accelerator-hours of work a day; ${hours("achieved")} of them`;
  const numbers = await numbersBehind(page, figure);
  const asked = round.years.filter((year) => year.demand_units > 0);
  same(
    numbers.map((row) => row.slice(-14).filter((_, i) => [0, 2, 5, 6].includes(i))),
    asked.map((year) => [count.format(year.demand_units), percent.format(year.kept_units / year.demand_units), count.format(year.promised_accelerator_hours_a_day), count.format(year.achieved_accelerator_hours_a_day)]),
    "replayed: hours and work of each sector and year",
  );
  const waits = await rowsOf(page, "Waits by sector and year");
  const marks = waits.slice(1).flatMap((row) => row.slice(1));
  same([marks.filter((cell) => cell.includes("✓")).length, marks.filter((cell) => cell.includes("✗")).length], [kept, judged.length - kept], "replayed: a mark for each promise");
  const rounds = await rowsOf(page, "The rounds");
  same(rounds.length, replay.rounds.length + 1, "replayed: a row for each round");
  none(replay.rounds.filter((each, i) => !near(rounds[i + 1][4], each.cost) || rounds[i + 1][6] !== percent.format(each.largest_change_percent / 100)), "replayed: with its cost, and how much a factor would change");
  await page.$$eval("details", (all) => all.forEach((each) => (each.open = true)));
  await page.waitForFunction(() => [...document.querySelectorAll("details")].every((each) => each.children.length > 1));
  const factors = await rowsOf(page, "Round 2");
  const said = tableOf("replayed/factors.csv").filter((row) => row.round === "2").map((row) => percent.format(row.factor_percent / 100));
  same(factors.slice(1).flatMap((row) => row.slice(1)), said, "replayed: each factor, by sector and year");
  const hashes = (await rowsOf(page, "The plan's quarters")).slice(1).map((row) => row[6]);
  same(hashes, round.quarters.map((quarter) => quarter.state_hash), "replayed: each quarter's state");
  none(await overflowing(page), "replayed: with all tables open nothing is wider than a phone");
  none(view.said, "replayed: the console is empty after all that");
  await view.close();
}

/** Whatever is named is named by markup; what counts as a word of the document stays. */
function hostile(value, name = "") {
  if (Array.isArray(value)) return name === "quarters" || name === "times" ? value : value.map((each) => hostile(each, name));
  if (typeof value === "object" && value !== null) return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, hostile(each, key)]));
  const kept = ["quarter", "begin", "there", "times", "measure", "of", "part", "result", "at_low", "at_high"];
  return typeof value === "string" && !kept.includes(name) ? HOSTILE : value;
}
const HOSTILE = '</script><img src=x onerror="window.hacked=1"><b>bold</b>';

/** Lists one too short, texts for numbers and numbers for texts. */
function wrong(value) {
  if (Array.isArray(value)) return value.slice(1).map(wrong);
  if (typeof value === "object" && value !== null) return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, wrong(each)]));
  return typeof value === "string" ? 7 : typeof value === "number" ? "seven" : value;
}

async function oddDocuments(browser) {
  const document = documentOf("map");
  const { alternatives, futures, replay } = documentOf("studied");
  write("hostile", "map", hostile({ ...document, alternatives, futures, replay }));
  write("wrong", "map", { ...wrong({ ...document, alternatives, futures, replay }), scenario: document.scenario });
  write("empty", "map", {});
  for (const name of ["hostile", "wrong", "empty"]) {
    const view = await open(browser, name, PHONE);
    const { page } = view;
    same(await page.evaluate(() => [window.hacked ?? null, document.querySelectorAll("img, b, iframe").length, document.scripts.length]), [null, 0, 2], `${name}: no text becomes an element`);
    await page.$$eval("details", (all) => all.forEach((each) => (each.open = true)));
    await page.waitForTimeout(50);
    none(await overflowing(page), `${name}: with all tables open nothing is wider than a phone`);
    const shown = await page.textContent("main");
    result(!/undefined|NaN|Infinity|\[object/.test(shown), `${name}: what is not there is not made up`, [shown]);
    none(view.said, `${name}: the console is empty`);
    if (name === "hostile") {
      const sections = await titles(page, "h2");
      none(["Plans that are nearly as good", "If the future differs", "Would people get their compute?"].filter((title) => !sections.includes(title)), "alternatives, futures and a replay have sections where they are given");
    }
    await view.close();
  }
}

/** Figures of a page: fleet by chip and by site, building, power, money twice, work; the map and its list; the rest is small. */
function plotsOf(name) {
  const document = documentOf(name);
  const shares = document.domestic.some((rule) => rule.is_asked || rule.found.some((share) => share > 0)) ? 1 : 0;
  const map = document.sites.filter((site) => site.latitude !== undefined).length > 1 ? 2 : 1;
  const built = document.sites.some((site) => site.phases.some((phase) => phase.begin !== null)) ? 1 : 0;
  const zones = document.zones.filter((zone) => zone.power_w.some((power) => power > 0)).length;
  const courses = document.courses === undefined ? 0 : 3;
  const swings = (document.futures?.tornado.swings.length ?? 0) > 0 ? 1 : 0;
  const replayed = document.replay === undefined ? 0 : 1 + new Set(document.replay.rounds[0].years.filter((year) => year.promised_units > 0).map((year) => year.sector)).size;
  return shares + map + 2 + built + 1 + zones + 2 + 1 + document.sectors.length + courses + swings + replayed;
}

const browser = await start("plans' pages in a browser");
await looked(browser, "university", DESK, "dark", plotsOf("university"));
await looked(browser, "university", PHONE, "light", plotsOf("university"));
await looked(browser, "map", DESK, "light", plotsOf("map"));
await looked(browser, "map", PHONE, "dark", plotsOf("map"));
await looked(browser, "compared", PHONE, "light", plotsOf("compared"));
await looked(browser, "studied", DESK, "light", plotsOf("studied"));
await looked(browser, "studied", PHONE, "dark", plotsOf("studied"));
await numbersAgree(browser, "university");
await numbersAgree(browser, "map");
await mapMoves(browser);
await coursesAgree(browser);
await studiesAgree(browser);
await replayAgrees(browser);
await oddDocuments(browser);
await finish(browser);
