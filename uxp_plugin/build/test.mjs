// Runs every tests/**/*.test.ts with Node's own runner; names of files on the command line choose some of them. Two at
// a time, as several wait for a service: on two cores Node would take one at a time.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

function* tests(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      yield* tests(path);
    } else if (entry.name.endsWith(".test.ts")) {
      yield path;
    }
  }
}

const chosen = process.argv.slice(2);
const files = [...tests("tests")].filter((file) => chosen.length === 0 || chosen.some((word) => file.includes(word)));
const { status } = spawnSync(process.execPath, ["--import", "tsx", "--test", "--test-concurrency=2", ...files], { stdio: "inherit" });
process.exit(status ?? 1);
