// Builds Photoshop's plugin into dist/photoshop/ and dist/<id>_PS.ccx. `--network=all` as an option, see manifest.mjs.

import { readFile, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as esbuild from "esbuild";
import { icon } from "./photoshop/icons.mjs";
import { manifest } from "./photoshop/manifest.mjs";
import { zip } from "./photoshop/zip.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SOURCE = join(ROOT, "src/hosts/photoshop");
const DARK_UI = [220, 220, 220];
const LIGHT_UI = [72, 72, 72];

/** Returns where the plugin's folder and its package are. */
export async function build({ out = join(ROOT, "dist"), network = "listed" } = {}) {
  const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  const fixed = JSON.parse(await readFile(join(SOURCE, "manifest.json"), "utf8"));
  const described = manifest(fixed, { version, network });
  const files = {
    "manifest.json": Buffer.from(`${JSON.stringify(described, null, 2)}\n`),
    "index.html": await readFile(join(SOURCE, "index.html")),
    "panel.css": await readFile(join(ROOT, "src/panel/panel.css")),
    "main.js": await script(),
    ...icons(),
  };
  const folder = join(out, "photoshop");
  await rm(folder, { recursive: true, force: true });
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  const ccx = join(out, `${described.id}_${described.host.app}.ccx`);
  await writeFile(ccx, zip(files));
  return { folder, ccx };
}

/** One script in a scope of its own. UXP's modules stay `require`d: they exist only there. */
async function script() {
  const { outputFiles } = await esbuild.build({
    entryPoints: [join(SOURCE, "main.ts")],
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    format: "cjs",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["import"],
    target: "es2020",
    charset: "utf8",
    legalComments: "none",
    external: ["photoshop", "uxp", "fs", "os"],
    banner: { js: "(() => {" },
    footer: { js: "})();" },
    logLevel: "warning",
  });
  return Buffer.from(outputFiles[0].contents);
}

/** Each icon at one and two pixels for a point, as the manifest names them. */
function icons() {
  const drawn = {};
  for (const [name, size, ink] of [
    ["dark", 23, DARK_UI],
    ["light", 23, LIGHT_UI],
    ["plugin", 48, DARK_UI],
  ]) {
    drawn[`icons/${name}.png`] = icon(size, ink);
    drawn[`icons/${name}@2x.png`] = icon(size * 2, ink);
  }
  return drawn;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const network = process.argv.find((word) => word.startsWith("--network="))?.slice("--network=".length);
  const { ccx } = await build(network === undefined ? {} : { network });
  console.log(ccx);
}
