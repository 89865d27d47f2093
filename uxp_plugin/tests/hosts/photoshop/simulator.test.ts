/** The simulated Photoshop refuses what documents and reports say that Photoshop refuses. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { build } from "../../../build/photoshop.mjs";
import { loadModules, type Modules, type Require } from "../../../src/hosts/photoshop/modules.ts";
import { movie } from "./simulator/movies.ts";
import { Simulator } from "./simulator/photoshop.ts";
import { Plugin } from "./simulator/plugin.ts";
import { temporaryFolder } from "./simulator/temporary.ts";
import { clip, painted, permissions, plain, studio } from "./scene.ts";

function inside(manifest = permissions()): { simulator: Simulator; modules: Modules; require: Require } {
  const simulator = new Simulator(manifest);
  const byName: Record<string, unknown> = simulator.modules();
  const load = ((name: string) => byName[name]) as Require;
  return { simulator, modules: loadModules(load), require: load };
}

test("a change of state outside of a modal scope", async () => {
  const { simulator, modules } = inside();
  painted(simulator, "/nowhere.mp4");
  const { photoshop, uxp } = modules;
  const document = photoshop.activeDocument() ?? assert.fail("no document");
  const modalOnly = /only allowed from inside a modal scope/;
  await assert.rejects(
    photoshop.batchPlay([{ _obj: "select", _target: [{ _ref: "layer", _id: 1 }] }], false),
    modalOnly,
  );
  assert.throws(() => Object.assign(document.layers[0] ?? {}, { name: "other" }), modalOnly);
  const entry = await (await uxp.storage.localFileSystem.getTemporaryFolder()).createFile("a.png", { overwrite: true });
  await assert.rejects(photoshop.savePng(document, entry), modalOnly);
  await assert.rejects(photoshop.open(entry), modalOnly);
});

test("a second modal scope while another program has one, with the number 9", async () => {
  const { simulator, modules } = inside();
  simulator.busy = 1;
  await assert.rejects(
    modules.photoshop.executeAsModal("a", async () => 1),
    { number: 9 },
  );
  assert.equal(await modules.photoshop.executeAsModal("a", async () => 1), 1);
});

test("a failed command: batchPlay resolves with it and plays no more, or goes on where it is told to", async () => {
  const { simulator, modules } = inside();
  painted(simulator, "/nowhere.mp4");
  const [wrong, right] = [
    { _obj: "get", _target: [{ _ref: "layer", _id: 99 }] },
    { _obj: "get", _target: [{ _ref: "layer", _id: 1 }] },
  ];
  const stopped = await modules.photoshop.batchPlay([wrong, right], false);
  assert.deepEqual(
    stopped.map(({ _obj }) => _obj),
    ["error"],
  );
  const all = await modules.photoshop.batchPlay([wrong, right], true);
  assert.deepEqual(
    all.map(({ _obj }) => _obj),
    ["error", "layer"],
  );
});

test("pixels after dispose, a forced component size, bounds outside of the canvas", async () => {
  const { simulator, modules } = inside();
  painted(simulator, "/nowhere.mp4", { composite: plain(4, 4, [1, 2, 32768], 16, 2, 2) });
  const { imaging } = modules.photoshop;
  const { imageData, sourceBounds } = await imaging.getPixels({});
  assert.deepEqual(sourceBounds, { left: 2, top: 2, right: 6, bottom: 6 }, "bounds are trimmed");
  assert.equal((await imageData.getData({}))[2], 32768);
  assert.equal((await imageData.getData({ fullRange: true }))[2], 65535);
  await imageData.dispose();
  await assert.rejects(imageData.getData({}), /disposed/);
  await assert.rejects(imaging.getPixels({ componentSize: 8 }), /-1/);
  await assert.rejects(imaging.getPixels({ sourceBounds: { left: 0, top: 0, right: 99, bottom: 4 } }), /bounds/);
});

test("files without the permission, all events outside of developer mode, entry points twice or unknown", async () => {
  const { modules, require } = inside(permissions({ localFileSystem: "request" }));
  await assert.rejects(modules.uxp.storage.localFileSystem.getEntryWithUrl("file:/tmp"), /fullAccess/);
  await assert.rejects(modules.fs.readFile("/etc/hostname", { encoding: "utf-8" }), /fullAccess/);
  await assert.rejects(
    require("photoshop").action.addNotificationListener(["all"], () => undefined),
    /developer/,
  );
  assert.throws(
    () => modules.uxp.entrypoints.setup({ panels: { other: { create: () => undefined } }, commands: {} }),
    /manifest/,
  );
  modules.uxp.entrypoints.setup({ panels: {}, commands: {} });
  assert.throws(() => modules.uxp.entrypoints.setup({ panels: {}, commands: {} }), /already/);
});

test("what UXP lacks is missing in the plugin's world, and an undeclared address is closed without a reason", async (t) => {
  const out = temporaryFolder();
  const plugin = new Plugin((await build({ out })).ccx);
  t.after(() => {
    plugin.unload();
  });
  const { window } = plugin.dom;
  for (const name of ["TextDecoder", "MutationObserver", "matchMedia", "crypto"])
    assert.equal(Reflect.get(window, name), undefined);
  const socket = new window.WebSocket("ws://localhost:47825/bridge");
  const closed = await new Promise<{ code: number; reason: string }>((resolve) => {
    socket.onclose = resolve;
  });
  assert.deepEqual([closed.code, closed.reason], [1006, ""]);
  await assert.rejects(window.fetch("http://example.com/"), /permission/);
});

test("a file that is no movie is none, whatever its name", () => {
  const { folder } = studio();
  const described = movie(clip(folder)) ?? assert.fail("the clip is no movie");
  assert.deepEqual([described.width, described.height, described.codec], [640, 480, "avc1"]);
  assert.equal(movie(new URL(import.meta.url).pathname), null);
  assert.equal(movie("/nowhere.mov"), null);
});
