import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Bringing } from "../../../src/hosts/aftereffects/calls.ts";
import { AlphaMode, FootageItem } from "./simulator/items.ts";
import { AVLayer } from "./simulator/layers.ts";
import { clip, FPS, HEIGHT, project, transform, WIDTH } from "./project.ts";
import type { Project } from "./project.ts";

function result({ folder, comp, layer, footage }: Project, over: Partial<Bringing> = {}): Bringing {
  const path = join(folder, "layer.mov");
  writeFileSync(path, "frames");
  const origin = { comp: comp.id, layer: layer.id };
  return { layer: path, flat: null, start: 0, name: "shot (Videoshop)", clip: footage.file?.fsName ?? null, origin, ...over };
}

function brought({ comp }: Project): AVLayer {
  const layer = comp.stack.find((one) => one.comment === "Made by Videoshop");
  assert.ok(layer instanceof AVLayer);
  return layer;
}

test("a result lies right above its clip, named, with straight alpha, in one undo step", async (t) => {
  const made = await project(t);
  made.comp.layers.add(made.footage).enabled = false;
  made.ae.undo.steps.length = 0;
  assert.deepEqual(await made.calls.bring(result(made)), { rung: "layer", todo: null });
  const layer = brought(made);
  assert.equal(made.layer.index - layer.index, 1);
  assert.equal(layer.name, "shot (Videoshop)");
  assert.ok(layer.source instanceof FootageItem);
  assert.equal(layer.source.mainSource.alphaMode, AlphaMode.STRAIGHT);
  assert.deepEqual(made.ae.undo.steps.map((step) => step.name), ["Videoshop: shot (Videoshop)"]);
  made.ae.undo.undo();
  assert.equal(made.comp.numLayers, 2);
  assert.equal(made.ae.items.length, 2);
});

test("a result that begins later in the clip begins later in the composition", async (t) => {
  const made = await project(t);
  made.layer.startTime = 2;
  await made.calls.bring(result(made, { start: 10 }));
  assert.equal(brought(made).startTime, 2 + 10 / FPS);
});

test("a result is no longer than the trimmed layer of its clip", async (t) => {
  const made = await project(t);
  made.layer.inPoint = 0.5;
  made.layer.outPoint = 1.5;
  await made.calls.bring(result(made));
  const layer = brought(made);
  assert.deepEqual([layer.startTime, layer.inPoint, layer.outPoint], [0, 0.5, 1.5]);
});

test("a result plays at the rate that the clip is conformed to", async (t) => {
  const made = await project(t);
  made.footage.mainSource.conformFrameRate = 50;
  await made.calls.bring(result(made, { start: 25 }));
  const layer = brought(made);
  assert.equal(layer.source.frameRate, 50);
  assert.equal(layer.startTime, 0.5);
});

test("above a clip that moves, the result moves with it, pixel on pixel", async (t) => {
  const made = await project(t);
  transform(made.layer, "ADBE Position").setValueAtTime(0, [20, 20]);
  transform(made.layer, "ADBE Scale").setValue([150, 150]);
  transform(made.layer, "ADBE Rotate Z").setValue(30);
  await made.calls.bring(result(made));
  const layer = brought(made);
  for (const point of [[0, 0], [WIDTH, 0], [5, HEIGHT]] as const) {
    const [mine, its] = [layer.sourcePointToComp(point), made.layer.sourcePointToComp(point)];
    assert.ok(Math.hypot(mine[0] - its[0], mine[1] - its[1]) < 1e-9);
  }
});

test("the result goes where its frame was taken, whatever is open now", async (t) => {
  const made = await project(t);
  made.ae.active = made.ae.composition("Other", WIDTH, HEIGHT, 10, FPS);
  assert.equal((await made.calls.bring(result(made))).rung, "layer");
  assert.equal(made.comp.numLayers, 2);
});

test("where that layer is gone, the result goes above another layer of the same clip", async (t) => {
  const made = await project(t);
  await made.calls.bring(result(made, { origin: { comp: 999, layer: 999 } }));
  assert.equal(brought(made).index, 1);
});

test("ids of another project do not lead a result onto another clip", async (t) => {
  const made = await project(t);
  const done = await made.calls.bring(result(made, { clip: "/elsewhere/other.mp4" }));
  assert.equal(done.rung, "project");
  assert.match(done.todo ?? "", /^Drag “shot \(Videoshop\)” from the project/);
  assert.equal(made.comp.numLayers, 1);
});

test("above a stretched clip the person is told to give the result its timing", async (t) => {
  const made = await project(t);
  made.layer.stretch = 50;
  assert.match((await made.calls.bring(result(made))).todo ?? "", /timing of the clip's layer: .* stretched to 50 %\.$/);
});

test("without a layer file the flat clip is brought in, opaque", async (t) => {
  const made = await project(t);
  const flat = join(made.folder, "flat.mp4");
  writeFileSync(flat, "frames");
  await made.calls.bring(result(made, { layer: null, flat }));
  assert.equal(brought(made).source.name, "shot (Videoshop)");
});

test("a result that is gone, or that After Effects cannot read, is refused and leaves nothing", async (t) => {
  const made = await project(t, { probe: (path) => (path.endsWith("shot.mp4") ? clip() : null) });
  const there = result(made);
  await assert.rejects(made.calls.bring(there), { code: "result.not_imported" });
  rmSync(there.layer ?? "");
  await assert.rejects(made.calls.bring(there), { code: "result.missing", message: "The result “shot (Videoshop)” is not there any more." });
  assert.equal(made.comp.numLayers, 1);
  assert.equal(made.ae.items.length, 2);
});

test("a file name with a per cent sign is that file", async (t) => {
  const made = await project(t);
  const path = join(made.folder, "layer 100%25.mov");
  writeFileSync(path, "frames");
  await made.calls.bring(result(made, { layer: path }));
  await made.calls.reveal(path);
  assert.deepEqual(made.ae.desktop.shown, [made.folder]);
  await assert.rejects(made.calls.reveal(join(made.folder, "no", "where")), { code: "reveal.missing" });
});
