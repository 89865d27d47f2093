/** The packaged plugin as Photoshop loads it: what it dials, and that it starts with what UXP has. */

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test, type TestContext } from "node:test";
import { build } from "../../../build/photoshop.mjs";
import { clip } from "./scene.ts";
import { Plugin } from "./simulator/plugin.ts";
import type { Options } from "./simulator/photoshop.ts";
import { temporaryFolder } from "./simulator/temporary.ts";
import { until } from "./waiting.ts";

const out = temporaryFolder();
let listed: string;

before(async () => {
  listed = (await build({ out })).ccx;
});

function load(t: TestContext, options: Options = {}): Plugin {
  const plugin = new Plugin(listed, options);
  t.after(() => plugin.unload());
  return plugin;
}

test("the plugin starts at once in a world without what UXP lacks, and shows its panel", async (t) => {
  const plugin = load(t);
  const root = plugin.show("videoshop");
  assert.ok(root.querySelector("button") !== null);
  await until(() => plugin.dialled.length > 0);
  assert.deepEqual(plugin.complaints, []);
});

test("the plugin dials the bridge's ports on this machine only, each of which the manifest allows", async (t) => {
  const plugin = load(t);
  await until(() => new Set(plugin.dialled).size >= 4);
  for (const address of plugin.dialled) {
    assert.match(address, /^ws:\/\/(localhost|127\.0\.0\.1):4782[1-4]\/bridge$/);
    assert.equal(plugin.allows(address), true);
  }
});

test("a port that the manifest does not list is refused without a reason", async (t) => {
  const home = temporaryFolder();
  const folder = join(home, "Library/Application Support/videoshop");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "bridge.json"), JSON.stringify({ port: 50999 }));
  const plugin = load(t, { home });
  await until(() => plugin.dialled.some((address) => address.includes(":50999")));
  assert.equal(plugin.allows("ws://localhost:50999/bridge"), false);
  assert.deepEqual(plugin.complaints, []);
});

test("the panel keeps what it shows when Photoshop closes and opens it", (t) => {
  const plugin = load(t);
  const first = plugin.show("videoshop").firstElementChild;
  plugin.simulator.files.setup?.panels["videoshop"]?.destroy?.();
  assert.equal(plugin.show("videoshop").firstElementChild, first);
});

test("a command without an open panel says where to follow it", async (t) => {
  const plugin = load(t);
  plugin.command("propagate");
  await until(() => plugin.simulator.alerts.length > 0);
  assert.match(plugin.simulator.alerts.join(), /Open its panel/);
});

test("Open clip with Videoshop opens what the person picks, and says what goes wrong", async (t) => {
  const plugin = load(t);
  const folder = temporaryFolder();
  plugin.command("open");
  plugin.simulator.files.picks = clip(folder);
  plugin.command("open");
  await until(() => plugin.simulator.documents.length === 1);
  assert.equal(plugin.simulator.active().title, "box.mp4");
  plugin.simulator.busy = 1000;
  plugin.command("open");
  await until(() => plugin.simulator.alerts.length > 0, 10_000);
  assert.match(plugin.simulator.alerts.join(), /busy.*try again/);
});
