// Builds what is shipped, for every host whose build stands here; `--out DIR` for elsewhere than dist/.

import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
const { values, positionals } = parseArgs({ options: { out: { type: "string" } }, allowPositionals: true });
const out = resolve(values.out ?? join(here, "..", "dist"));

for (const host of ["browser", "photoshop", "aftereffects"]) {
  const script = join(here, `${host}.mjs`);
  const wanted = positionals.length === 0 || positionals.includes(host);
  if (wanted && existsSync(script)) {
    const { build } = await import(pathToFileURL(script));
    await build({ out });
  }
}
