import assert from "node:assert/strict";
import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ResultFiles } from "../../../src/hosts/host.ts";
import { clip, painted, permissions, studio, type Studio } from "./scene.ts";
import { layerOf } from "./simulator/documents.ts";

/** The bundled clip plays the result: what counts here is what Photoshop is told to do with it. */
function finished({ folder }: Studio, more: Partial<ResultFiles> = {}): ResultFiles {
  const results = join(folder, "results of a job");
  mkdirSync(results, { recursive: true });
  const [layer, flat] = ["layer.mov", "flat.mp4"].map((name) => {
    const path = join(results, name);
    renameSync(clip(results), path);
    return path;
  });
  return {
    folder: results,
    layer: layer ?? null,
    flat: flat ?? null,
    start: 10,
    fps: "30",
    name: "Label, frames 10–39",
    ...more,
  };
}

test("the result is placed as a linked layer above the clip, named, at its frame, in one step of history", async () => {
  const here = studio();
  const document = painted(here.simulator, clip(here.folder));
  const result = finished(here);
  const imported = await here.host.bringIn(result);
  assert.equal(imported.rung, "placed as a linked layer");
  assert.deepEqual(
    document.layers.map(({ name }) => name),
    ["Label", "Label, frames 10–39", "box"],
  );
  const layer = document.layers[1] ?? assert.fail("no layer");
  assert.deepEqual([layer.link, layer.clip?.start, layer.clip?.end], [result.layer, 10, 40]);
  assert.deepEqual(
    document.history.map(({ name }) => name),
    ["Open", "Label, frames 10–39"],
  );
  assert.match(imported.todo ?? "", /If the clip was trimmed or moved/);
  assert.match(imported.todo ?? "", /Hide the layers that you painted on/);
});

test("on a trimmed timeline the result starts where the playhead says, and nothing is left to do", async () => {
  const here = studio();
  const document = painted(here.simulator, clip(here.folder));
  const place = "frame 12"; // the edited source frame 20 was seen at frame 12: the clip's first 8 frames are cut off
  const imported = await here.host.bringIn(finished(here, { start: 18, frame: 20, place }));
  assert.equal(document.layers[1]?.clip?.start, 10);
  assert.doesNotMatch(imported.todo ?? "", /trimmed or moved/);
});

test("a result that begins before the timeline does is not moved there, but told of", async () => {
  const here = studio();
  painted(here.simulator, clip(here.folder));
  const imported = await here.host.bringIn(finished(here, { start: 0, frame: 20, place: "frame 12" }));
  assert.match(imported.todo ?? "", /Drag the new layer/);
});

test("a placed result is not taken for the clip of the next edit, nor its transparency for a mask", async () => {
  const here = studio();
  const path = clip(here.folder);
  const document = painted(here.simulator, path);
  await here.host.bringIn(finished(here));
  assert.equal(document.layers[1]?.id, document.active[0], "Photoshop selects what is placed");
  const scene = await here.host.look();
  assert.deepEqual([scene.clip?.path, scene.mask], [path, "layer mask"]);
});

test("the result lands in the document whose frame was sent, though another is in front", async () => {
  const here = studio();
  const document = painted(here.simulator, clip(here.folder));
  await here.host.edited();
  here.simulator.add({ width: 8, height: 8, title: "other" });
  await here.host.bringIn(finished(here));
  assert.equal(document.layers.length, 3);
  assert.equal(here.simulator.active().id, document.id);
});

test("where the timeline is the clip nothing about its place is left to do", async () => {
  const here = studio();
  here.simulator.files.picks = clip(here.folder);
  const { movie } = await import("./simulator/movies.ts");
  const { frames, rate } = movie(here.simulator.files.picks) ?? assert.fail("no movie");
  await here.host.openClip(async () => ({ frames, rate, constantRate: true }));
  const imported = await here.host.bringIn(finished(here));
  assert.deepEqual(imported, { rung: "placed as a linked layer", todo: null });
});

test("a document without a timeline gets the layer, and the person its frame", async () => {
  const here = studio();
  painted(here.simulator, clip(here.folder), { timeline: null });
  assert.match((await here.host.bringIn(finished(here))).todo ?? "", /starts at the clip's frame 10/);
});

test("moves that Photoshop refuses leave the layer where it is, and are said", async () => {
  const here = studio();
  const document = painted(here.simulator, clip(here.folder));
  here.simulator.refused.add("moveAllTime");
  const imported = await here.host.bringIn(finished(here));
  assert.equal(imported.rung, "placed as a linked layer");
  assert.match(imported.todo ?? "", /Drag the new layer on the timeline/);
  assert.equal(document.layers.length, 3);
});

test("what cannot be placed is opened as a second document, and the first is as it was", async () => {
  const here = studio();
  const document = painted(here.simulator, clip(here.folder));
  here.simulator.refused.add("placeEvent");
  const imported = await here.host.bringIn(finished(here));
  assert.equal(imported.rung, "opened as a second document");
  assert.match(imported.todo ?? "", /Drag its layer/);
  assert.deepEqual([document.layers.length, document.history.length, document.active], [2, 1, [2]]);
  assert.equal(here.simulator.active().title, "layer.mov");
});

test("what cannot be opened either is shown in its folder, with what to do", async () => {
  const here = studio();
  painted(here.simulator, clip(here.folder));
  here.simulator.takesMovies = false;
  const result = finished(here);
  const imported = await here.host.bringIn(result);
  assert.equal(imported.rung, "shown in its folder");
  assert.match(imported.todo ?? "", /Drag layer\.mov/);
  assert.deepEqual(here.simulator.files.opened, [result.folder]);
});

test("a person who does not let the folder be opened is told where it is", async () => {
  const here = studio();
  here.simulator.takesMovies = false;
  here.simulator.files.consents = false;
  const result = finished(here);
  await assert.rejects(here.host.bringIn(result), {
    code: "photoshop.cannot_reveal",
    hint: `Open it yourself: ${result.folder}`,
  });
});

test("without an open document the result is opened", async () => {
  const here = studio();
  assert.equal((await here.host.bringIn(finished(here))).rung, "opened as a second document");
});

test("without a layer file the finished clip is placed", async () => {
  const here = studio();
  const document = painted(here.simulator, clip(here.folder));
  const result = finished(here, { layer: null });
  await here.host.bringIn(result);
  assert.equal(document.layers[1]?.link, result.flat);
});

test("files that are gone, or that the plugin may not read, are an error", async () => {
  const here = studio();
  await assert.rejects(here.host.bringIn(finished(here, { layer: "/nowhere/layer.mov", flat: null })), {
    code: "photoshop.result_gone",
  });
  const closed = studio({}, permissions({ localFileSystem: "request" }));
  await assert.rejects(closed.host.bringIn(finished(closed)), { code: "photoshop.result_gone" });
});

test("Escape ends the ladder, leaves the document as it was, and is no error of Photoshop", async () => {
  const here = studio();
  const document = painted(here.simulator, clip(here.folder));
  for (const command of ["placeEvent", "moveOutTime", "select"]) {
    here.simulator.cancelAt = command;
    await assert.rejects(here.host.bringIn(finished(here)), { code: "photoshop.cancelled" });
    assert.deepEqual([document.layers.length, document.history.length], [2, 1]);
  }
  assert.equal(here.simulator.documents.length, 1);
});

test("a Photoshop that stays busy is told and nothing is tried behind its back", async () => {
  const here = studio();
  painted(here.simulator, clip(here.folder));
  here.simulator.busy = 1000;
  await assert.rejects(here.host.bringIn(finished(here)), { code: "photoshop.busy" });
  assert.deepEqual([here.simulator.imported, here.simulator.files.opened], [[], []]);
});

test("the layer that was placed is the one that is named, although its number was another layer's", async () => {
  const here = studio();
  const document = painted(here.simulator, clip(here.folder));
  document.layers = document.layers.map((layer) => (layer.id === 2 ? { ...layer, id: 7 } : layer));
  document.active = [7];
  await here.host.bringIn(finished(here));
  assert.equal(layerOf(document, 2)?.name, "Label, frames 10–39");
});
