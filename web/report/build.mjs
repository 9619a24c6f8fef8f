// SPDX-License-Identifier: Apache-2.0
// Makes the page: node web/report/build.mjs OUTPUT. Scripts and styles stand in it, and a mark where the
// program puts the runs (src/sim/report.c). The packages are those in build/npm/report.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const packages = resolve(here, "../../build/npm/report");
const esbuild = createRequire(join(packages, "package.json"))("esbuild");
const output = process.argv[2];
if (output === undefined) {
  console.error("web/report/build.mjs: where the page is to be written is missing");
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

const script = bundle("main.ts");
const parts = {
  style: bundle("style.css"),
  script,
  "script-hash": hash(script),
  notices: notices(),
};
const page = readFileSync(join(here, "page.html"), "utf8").replace(/@([a-z-]+)@/g, (mark, name) => parts[name] ?? mark);
if (page.split("@runs@").length !== 2) throw new Error("page.html: expected the mark @runs@ once");
mkdirSync(dirname(output), { recursive: true });
writeFileSync(`${output}.new`, page);
renameSync(`${output}.new`, output);
