import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PLUGIN = fileURLToPath(new URL("../..", import.meta.url));

test("the types are those that the protocol's schema makes", () => {
  const { status, stderr } = spawnSync(process.execPath, ["build/types.mjs", "--check"], { cwd: PLUGIN, encoding: "utf8" });
  assert.equal(status, 0, stderr);
});
