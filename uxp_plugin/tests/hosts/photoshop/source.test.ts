import assert from "node:assert/strict";
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { clip, painted, permissions, plain, studio } from "./scene.ts";

const FACTS = { frames: 41, rate: 30, constantRate: true };

test("a linked smart object names the clip", async () => {
  const { simulator, host, folder } = studio();
  const path = clip(folder);
  painted(simulator, path);
  const scene = await host.look();
  assert.deepEqual(scene.clip, { path, name: "box.mp4", from: "linked" });
  assert.deepEqual([scene.document, scene.frame], ["shot.psd", null]);
});

test("a smart object inside a group counts, an image and an embedded one do not", async () => {
  const { simulator, host, folder } = studio();
  const path = clip(folder);
  painted(simulator, path, {
    layers: [
      { id: 5, name: "logo", visible: true, kind: "smartObject", link: "/shots/logo.psd" },
      { id: 6, name: "embedded", visible: true, kind: "smartObject" },
      {
        id: 7,
        name: "Video group",
        visible: true,
        kind: "group",
        layers: [{ id: 8, name: "box", visible: true, kind: "smartObject", link: path }],
      },
    ],
    active: [5],
  });
  assert.equal((await host.look()).clip?.path, path);
});

test("of several clips the selected one is meant, else the lowest, which is said", async () => {
  const { simulator, host, folder } = studio();
  const [upper, lower] = [clip(folder, "upper.mp4"), clip(folder, "lower.mp4")];
  const document = painted(simulator, lower);
  document.layers.unshift({ id: 9, name: "upper", visible: true, kind: "smartObject", link: upper });
  const scene = await host.look();
  assert.equal(scene.clip?.name, "lower.mp4");
  assert.match(scene.notes.join(), /Several clips.*lower\.mp4/);
  document.active = [9];
  assert.equal((await host.look()).clip?.name, "upper.mp4");
});

test("a video layer names its clip if Photoshop says so anywhere in its descriptor", async () => {
  const { simulator, host, folder } = studio();
  const path = clip(folder);
  painted(simulator, path, {
    layers: [{ id: 1, name: "Layer 1", visible: true, kind: "video", video: { unknown: [{ file: path }] } }],
    active: [1],
  });
  assert.deepEqual((await host.look()).clip, { path, name: "box.mp4", from: "video layer" });
});

test("a document that still is the movie it was opened from names itself", async () => {
  const { simulator, host, folder } = studio();
  const path = clip(folder);
  painted(simulator, path, {
    path,
    layers: [{ id: 1, name: "Layer 1", visible: true, kind: "video", video: {} }],
    active: [1],
  });
  assert.deepEqual((await host.look()).clip, { path, name: "box.mp4", from: "document" });
});

test("a clip that is not there any more is said by its name", async () => {
  const { simulator, host, folder } = studio();
  const path = clip(folder);
  painted(simulator, path);
  rmSync(path);
  const scene = await host.look();
  assert.equal(scene.clip, null);
  assert.deepEqual(scene.notes, ["The linked file box.mp4 is not there any more."]);
});

test("the person is asked once for a document: the answer outlives the panel, and the file's move", async () => {
  const { simulator, host, folder, local } = studio();
  const path = clip(folder);
  const document = painted(simulator, path, { layers: [], active: [] });
  assert.equal((await host.look()).clip, null);
  assert.equal(await host.chooseClip(), null, "they refused");
  simulator.files.picks = path;
  assert.deepEqual(await host.chooseClip(), { path, name: "box.mp4", from: "asked" });
  assert.equal((await host.look()).clip?.path, path);
  const later = studio({}, permissions(), local);
  later.simulator.add({ ...document });
  assert.equal((await later.host.look()).clip?.path, path);
  const moved = join(folder, "moved.mp4");
  renameSync(path, moved);
  simulator.files.move(path, moved);
  assert.equal((await host.look()).clip?.path, moved);
  assert.match((await later.host.look()).notes.join(), /box\.mp4 that you chose is not there/);
});

test("an unsaved document's answer is its own, and goes along when it is saved", async () => {
  const { simulator, host, folder, local } = studio();
  const path = clip(folder);
  const document = painted(simulator, path, { layers: [], active: [], path: "Untitled-1" });
  simulator.files.picks = path;
  await host.chooseClip();
  const other = simulator.add({ width: 16, height: 12, path: "Untitled-1" });
  assert.equal((await host.look()).clip, null);
  simulator.close(other);
  document.path = "/shots/saved.psd";
  await host.look();
  const later = studio({}, permissions(), local);
  later.simulator.add({ width: 16, height: 12, path: "/shots/saved.psd" });
  assert.equal((await later.host.look()).clip?.path, path);
});

test("nothing remembered hangs on a layer's number, which Photoshop gives away again", async () => {
  const { simulator, host, folder, local } = studio();
  const document = painted(simulator, clip(folder), {
    layers: [{ id: 314, name: "a", visible: true, kind: "pixel" }],
    active: [314],
  });
  simulator.files.picks = clip(folder);
  await host.chooseClip();
  const layer = clip(folder, "layer.mp4");
  await host.bringIn({ folder, layer, flat: null, start: 0, fps: "30", name: "Label" });
  const kept = Array.from(
    { length: local.length },
    (_, index) => `${local.key(index)} ${local.getItem(local.key(index) ?? "")}`,
  );
  assert.equal(kept.length, 2);
  for (const line of kept) assert.doesNotMatch(line, /314/);
  assert.equal(document.layers.length, 2);
});

test("in a document opened with Videoshop the playhead is the clip's frame, until the timeline is touched", async () => {
  const { simulator, host, folder } = studio();
  const path = clip(folder);
  simulator.files.picks = path;
  const { movie } = await import("./simulator/movies.ts");
  const { frames, rate } = movie(path) ?? assert.fail("the clip is no movie");
  const asked: string[] = [];
  await host.openClip(async (given) => {
    asked.push(given);
    return { ...FACTS, frames, rate };
  });
  assert.deepEqual(asked, [path]);
  const document = simulator.active();
  assert.ok(document.timeline);
  document.timeline.frame = 17;
  const scene = await host.look();
  assert.deepEqual([scene.frame, scene.clip], [17, { path, name: "box.mp4", from: "opened" }]);
  simulator.byHand("paint", () => undefined);
  assert.equal((await host.look()).frame, 17);
  simulator.byHand("moveInTime", () => undefined);
  assert.equal((await host.look()).frame, null);
});

test("a clip of a varying rate, or one that the bridge was not asked about, has no sure frame", async () => {
  for (const facts of [{ ...FACTS, constantRate: false }, null]) {
    const { simulator, host, folder } = studio();
    simulator.files.picks = clip(folder);
    await host.openClip(async () => facts);
    assert.equal((await host.look()).frame, null);
  }
});

test("a person who refuses to choose a clip to open is left alone", async () => {
  const { simulator, host } = studio();
  assert.equal(await host.openClip(async () => FACTS), null);
  assert.equal(simulator.documents.length, 0);
});

test("the panel hears what changes the scene, also a playhead that moves, and nothing after it let go", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { simulator, host, folder } = studio();
  const document = painted(simulator, clip(folder));
  let heard = 0;
  const stop = host.onChange(() => {
    heard += 1;
  });
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  simulator.byHand("select", () => undefined);
  assert.equal(heard, 1);
  t.mock.timers.tick(2000);
  await settled();
  const before = heard;
  t.mock.timers.tick(2000);
  await settled();
  assert.equal(heard, before, "nothing moved");
  if (document.timeline !== null) document.timeline.frame = 3;
  t.mock.timers.tick(2000);
  await settled();
  assert.equal(heard, before + 1);
  stop();
  simulator.byHand("select", () => undefined);
  t.mock.timers.tick(9000);
  assert.equal(heard, before + 1);
});

test("the host names itself by Photoshop's version", () => {
  assert.equal(studio({ version: "25.10.2" }).host.name, "Photoshop 25.10");
});

test("the bridge is found by its files, and not found where the plugin may not read files", async () => {
  const { mkdirSync, writeFileSync } = await import("node:fs");
  const { folder: home } = studio();
  const config = join(home, "Library/Application Support/videoshop");
  assert.deepEqual(await studio({ home }).host.discover(), { port: null, token: null });
  mkdirSync(config, { recursive: true });
  writeFileSync(join(config, "bridge.json"), JSON.stringify({ port: 47822, protocol: 1 }));
  writeFileSync(join(config, "token"), "5f".repeat(32));
  assert.deepEqual(await studio({ home }).host.discover(), { port: 47822, token: "5f".repeat(32) });
  assert.deepEqual(await studio({ home }, permissions({ localFileSystem: "request" })).host.discover(), {
    port: null,
    token: null,
  });
});

test("a secret is kept in secure storage and nowhere else", async () => {
  const { simulator, host, local } = studio();
  const { settings } = host;
  await settings.set("token", "geheim", { secret: true });
  await settings.set("method", "flow");
  assert.deepEqual(
    [await settings.get("token"), await settings.get("method"), await settings.get("none")],
    ["geheim", "flow", null],
  );
  assert.deepEqual([local.getItem("videoshop.token"), simulator.files.secrets.size], [null, 1]);
  for (const name of ["token", "method", "none"]) await settings.remove(name);
  assert.deepEqual([await settings.get("token"), await settings.get("method")], [null, null]);
});

test("a mask of the clip's own layer is no edit's", async () => {
  const { simulator, host, folder } = studio();
  const path = clip(folder);
  painted(simulator, path, {
    layers: [{ id: 1, name: "box", visible: true, kind: "smartObject", link: path, mask: plain(4, 3, [255]) }],
    active: [1],
  });
  assert.equal((await host.look()).mask, null);
});
