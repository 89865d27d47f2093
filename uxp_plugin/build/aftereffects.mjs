// After Effects: dist/aftereffects/ is a CEP 12 extension, dist/aftereffects-script/Videoshop.jsx a dockable script.

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build as bundle } from "esbuild";

const HERE = fileURLToPath(new URL("../src/hosts/aftereffects/", import.meta.url));
const PANEL_CSS = new URL("../src/panel/panel.css", import.meta.url);
const PACKAGE = new URL("../package.json", import.meta.url);

const SHARED = ["text", "faults", "scene", "stage", "still", "bring", "call"];
const SCRIPT = ["command", "window"];

/** One ES3 file of several: its names are its own, and its text is ASCII, since After Effects guesses encodings. */
export async function script(which) {
  const own = which === "panel" ? SHARED : [...SHARED, ...SCRIPT];
  const parts = await Promise.all(own.map((name) => readFile(join(HERE, "jsx", `${name}.jsx`), "utf8")));
  const opened =
    which === "panel"
      ? "$.global.videoshopPanel = { call: call };"
      : "$.global.videoshopScript = { tick: tick };\nopenPanel(container);";
  const whole = `(function (container) {\n${parts.join("\n")}\n${opened}\n})(this);\n`;
  return whole.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

export async function build({ out }) {
  const { version } = JSON.parse(await readFile(PACKAGE, "utf8"));
  const extension = join(out, "aftereffects");
  const alone = join(out, "aftereffects-script");
  for (const folder of [extension, alone]) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
  }
  await mkdir(join(extension, "CSXS"));
  const manifest = await readFile(join(HERE, "CSXS", "manifest.xml"), "utf8");
  await writeFile(join(extension, "CSXS", "manifest.xml"), manifest.replaceAll("VERSION", version));
  await writeFile(join(extension, "index.html"), await readFile(join(HERE, "index.html")));
  const styles = await Promise.all([readFile(PANEL_CSS, "utf8"), readFile(join(HERE, "page.css"), "utf8")]);
  await writeFile(join(extension, "panel.css"), styles.join("\n"));
  await writeFile(join(extension, "host.jsx"), await script("panel"));
  await writeFile(join(alone, "Videoshop.jsx"), await script("script"));
  await bundle({
    entryPoints: [join(HERE, "main.ts")],
    outfile: join(extension, "main.js"),
    bundle: true,
    format: "iife",
    target: "chrome99",
    charset: "ascii",
    legalComments: "inline",
    logLevel: "warning",
  });
}
