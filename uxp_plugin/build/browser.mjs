// The page that the service serves: one script, one style sheet, one document, into OUT/browser.
// Without another OUT they are also laid into the Python package, where the service finds them.

import { copyFile, cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const page = join(root, "src", "hosts", "browser");
const served = join(root, "..", "bridge_server", "dashboard", "panel");

export async function build({ out }) {
  const folder = join(out, "browser");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: [join(page, "page.ts")],
    outfile: join(folder, "app.js"),
    bundle: true,
    format: "esm",
    target: "es2020",
    charset: "utf8",
    legalComments: "inline",
    logLevel: "warning",
  });
  const styles = [join(root, "src", "panel", "panel.css"), join(page, "page.css")];
  const texts = await Promise.all(styles.map((style) => readFile(style, "utf8")));
  await writeFile(join(folder, "page.css"), texts.join("\n"));
  await copyFile(join(page, "index.html"), join(folder, "index.html"));
  if (resolve(out) === join(root, "dist")) {
    await rm(served, { recursive: true, force: true });
    await cp(folder, served, { recursive: true });
  }
}
