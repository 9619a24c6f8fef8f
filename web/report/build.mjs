// SPDX-License-Identifier: Apache-2.0
// Makes a page: node web/report/build.mjs report|plan OUTPUT. Scripts and styles stand in it, and a mark where the
// program puts what it shows (src/base/page.h). The packages are those in build/npm/report.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const packages = resolve(here, "../../build/npm/report");
const esbuild = createRequire(join(packages, "package.json"))("esbuild");
const PAGES = {
  report: { script: "main.ts", style: "style.css", title: "Daero simulation report", program: "daero sim" },
  plan: { script: "plan/main.ts", style: "plan/style.css", title: "Daero plan", program: "daero plan" },
};
const [which, output] = process.argv.slice(2);
const about = PAGES[which];
if (about === undefined || output === undefined) {
  console.error("web/report/build.mjs: expected which page (report or plan), and where it is to be written");
  process.exit(2);
}

function bundle(entry) {
  const made = esbuild.buildSync({
    entryPoints: [join(here, "src", entry)],
    nodePaths: [join(packages, "node_modules")],
    bundle: true,
    minify: true,
    charset: "utf8",
    format: "iife",
    target: "es2022",
    legalComments: "inline",
    write: false,
    logLevel: "warning",
  });
  const text = made.outputFiles[0].text.trim();
  if (/<\/(script|style)/i.test(text)) throw new Error(`${entry}: what it becomes would end its element`);
  return text;
}

/** The notices of what is in the page, for its end: name, version, licence. */
function notices() {
  const lock = JSON.parse(readFileSync(join(packages, "package-lock.json"), "utf8"));
  return Object.entries(lock.packages)
    .filter(([path, about]) => path !== "" && !about.dev)
    .map(([path, about]) => `${path.replace("node_modules/", "")} ${about.version} (${about.license})`)
    .join(", ");
}

function hash(text) {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

const script = bundle(about.script);
const parts = {
  title: about.title,
  program: about.program,
  style: bundle(about.style),
  script,
  "script-hash": hash(script),
  notices: notices(),
};
const page = readFileSync(join(here, "page.html"), "utf8").replace(/@([a-z-]+)@/g, (mark, name) => parts[name] ?? mark);
if (page.split("@data@").length !== 2) throw new Error("page.html: expected the mark @data@ once");
mkdirSync(dirname(output), { recursive: true });
writeFileSync(`${output}.new`, page);
renameSync(`${output}.new`, output);
