import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { CompItem } from "./simulator/items.ts";
import { coarser, filled, readPng } from "./simulator/pictures.ts";
import type { Raster } from "./simulator/pictures.ts";
import { MaskMode, Property } from "./simulator/properties.ts";
import { draw, FPS, HEIGHT, pictureFile, project, transform, until, WIDTH } from "./project.ts";
import type { Project } from "./project.ts";

const SQUARE = [[10, 10], [30, 10], [30, 30], [10, 30]] as const;

async function taken({ calls }: Project, what: "picture" | "mask"): Promise<Raster> {
  const begun = await calls.begin(what);
  await until(() => calls.ready(begun.path));
  const raster = readPng(begun.path);
  await calls.discard(begun.path);
  assert.equal(existsSync(begun.path), false);
  return raster;
}

function at(raster: Raster, x: number, y: number): readonly number[] {
  return [...raster.rgba.subarray((y * raster.width + x) * 4, (y * raster.width + x) * 4 + 4)];
}

test("the composition's frame is taken with all that lies on the clip, at full resolution", async (t) => {
  const made = await project(t);
  const { ae, comp, folder } = made;
  const painted = filled(WIDTH, HEIGHT, [0, 1, 0]);
  const paint = comp.layers.add(ae.footage(pictureFile(folder, "paint.png", coarser(painted, [4, 4]))));
  transform(paint, "ADBE Position").setValue([8, 6]);
  comp.resolutionFactor = [2, 2];
  comp.time = 20 / FPS;
  const frame = await taken(made, "picture");
  assert.deepEqual([frame.width, frame.height], [WIDTH, HEIGHT]);
  assert.deepEqual(at(frame, 3, 3), [0, 255, 0, 255]);
  assert.deepEqual(at(frame, 40, 40), [51, 51, 51, 255]);
});

test("the person's composition is not touched, and nothing is left behind", async (t) => {
  const made = await project(t);
  const { ae, comp, layer } = made;
  draw(layer, SQUARE, MaskMode.ADD);
  comp.resolutionFactor = [3, 3];
  const [items, steps] = [ae.items.length, ae.undo.steps.length];
  await taken(made, "picture");
  await taken(made, "mask");
  assert.equal(ae.items.length, items);
  assert.deepEqual(comp.resolutionFactor, [3, 3]);
  assert.equal(made.layer.property("ADBE Mask Parade") !== null && comp.numLayers, 1);
  assert.deepEqual(
    ae.undo.steps.slice(steps).map((step) => step.name),
    ["Videoshop: take the frame", "Videoshop: put the frame away", "Videoshop: take the frame", "Videoshop: put the frame away"],
  );
});

test("a frame is there when its last byte is, not when the file is", async (t) => {
  const made = await project(t, { delay: 60 });
  const { path } = await made.calls.begin("picture");
  assert.equal(await made.calls.ready(path), false);
  await until(() => existsSync(path));
  assert.equal(await made.calls.ready(path), false);
  assert.throws(() => readPng(path));
  await until(() => made.calls.ready(path));
  assert.equal(readPng(path).width, WIDTH);
});

test("the clip's masks do not cut the picture", async (t) => {
  const made = await project(t);
  draw(made.layer, SQUARE, MaskMode.ADD);
  made.comp.time = 30 / FPS;
  assert.deepEqual(at(await taken(made, "picture"), 50, 40), [77, 77, 77, 255]);
  assert.deepEqual(at(made.comp.picture(made.comp.time), 50, 40), [0, 0, 0, 0]);
});

test("a mask is white on black, in the clip's pixels, opaque", async (t) => {
  const made = await project(t);
  draw(made.layer, SQUARE, MaskMode.NONE);
  const mask = await taken(made, "mask");
  assert.deepEqual([mask.width, mask.height], [WIDTH, HEIGHT]);
  assert.deepEqual(at(mask, 20, 20), [255, 255, 255, 255]);
  assert.deepEqual(at(mask, 40, 20), [0, 0, 0, 255]);
});

test("masks with modes keep them: what is subtracted is black", async (t) => {
  const made = await project(t);
  draw(made.layer, SQUARE, MaskMode.ADD);
  draw(made.layer, [[15, 15], [25, 15], [25, 25], [15, 25]], MaskMode.SUBTRACT);
  const mask = await taken(made, "mask");
  assert.deepEqual(at(mask, 12, 12), [255, 255, 255, 255]);
  assert.deepEqual(at(mask, 20, 20), [0, 0, 0, 255]);
});

test("an animated mask is taken as it is at the edited frame", async (t) => {
  const made = await project(t);
  const mask = draw(made.layer, SQUARE, MaskMode.ADD);
  const opacity = mask.property("ADBE Mask Opacity");
  assert.ok(opacity instanceof Property);
  opacity.setValueAtTime(0, 0);
  opacity.setValueAtTime(1, 100);
  made.comp.time = 1;
  assert.deepEqual(at(await taken(made, "mask"), 20, 20), [255, 255, 255, 255]);
});

test("of a clip that the composition scales, the layer alone is taken, pixel for pixel", async (t) => {
  const made = await project(t);
  const scale = transform(made.layer, "ADBE Scale");
  scale.setValueAtTime(0, [50, 50]);
  scale.setValueAtTime(1, [80, 80]);
  transform(made.layer, "ADBE Position").expression = "wiggle(1, 9)";
  made.comp.time = 40 / FPS;
  const frame = await taken(made, "picture");
  assert.deepEqual([at(frame, 0, 0), at(frame, WIDTH - 1, HEIGHT - 1)], [[102, 102, 102, 255], [102, 102, 102, 255]]);
  assert.equal(scale.numKeys, 2);
});

test("guide layers are not in the picture", async (t) => {
  const made = await project(t);
  const guide = made.comp.layers.add(made.ae.footage(pictureFile(made.folder, "grid.png", filled(WIDTH, HEIGHT, [1, 0, 0]))));
  guide.guideLayer = true;
  assert.deepEqual(at(await taken(made, "picture"), 5, 5), [0, 0, 0, 255]);
  assert.equal(guide.enabled, true);
});

test("the temporary composition of a crash is removed with the next frame", async (t) => {
  const made = await project(t);
  const left = made.ae.composition("Videoshop (temporary)", WIDTH, HEIGHT, 1, FPS);
  left.comment = "Made by Videoshop";
  const namesake = made.ae.composition("Videoshop (temporary)", WIDTH, HEIGHT, 1, FPS);
  await taken(made, "picture");
  assert.equal(left.there, false);
  assert.equal(namesake.there, true);
});

test("a frame that was not asked for is not handed out, nor removed", async (t) => {
  const { calls, folder } = await project(t);
  const path = `${folder}/mine.png`;
  writeFileSync(path, "mine");
  await assert.rejects(calls.ready(path), { code: "frame.unknown" });
  await assert.rejects(calls.discard(path), { code: "frame.unknown" });
  assert.equal(readFileSync(path, "utf8"), "mine");
});

test("without saveFrameToPng the render queue renders the frame, and nothing else that waits in it", async (t) => {
  const made = await project(t, { templates: ["Lossless", "PNG Sequence"] });
  const { ae, comp } = made;
  const waiting = ae.queue.items.add(ae.composition("Long", WIDTH, HEIGHT, 900, FPS));
  waiting.outputModule(1).file = new ae.files.File(`${made.folder}/long.mov`);
  Object.defineProperty(Object.getPrototypeOf(comp), "saveFrameToPng", { value: undefined, configurable: true });
  t.after(() => Object.defineProperty(Object.getPrototypeOf(comp), "saveFrameToPng", { value: kept, configurable: true, writable: true }));
  comp.time = 10 / FPS;
  assert.deepEqual(at(await taken(made, "picture"), 5, 5), [26, 26, 26, 255]);
  assert.deepEqual(ae.queue.rendered, ["Videoshop (temporary)"]);
  assert.equal(waiting.render, true);
  assert.equal(ae.queue.numItems, 1);
});

test("without saveFrameToPng and a template for PNG the person is told which to make", async (t) => {
  const { ae, comp, calls } = await project(t, { templates: ["Lossless"] });
  const items = ae.items.length;
  Object.defineProperty(Object.getPrototypeOf(comp), "saveFrameToPng", { value: undefined, configurable: true });
  t.after(() => Object.defineProperty(Object.getPrototypeOf(comp), "saveFrameToPng", { value: kept, configurable: true, writable: true }));
  await assert.rejects(calls.begin("picture"), { code: "frame.no_template" });
  assert.equal(ae.items.length, items);
  assert.equal(ae.queue.numItems, 0);
  assert.deepEqual(readdirSync(ae.desktop.temp), []);
});

test("the Undo command takes back a frame's traces", async (t) => {
  const made = await project(t);
  const items = made.ae.items.length;
  await made.calls.begin("mask").catch(() => null);
  const { path } = await made.calls.begin("picture");
  assert.equal(made.ae.items.length, items + 1);
  made.ae.undo.undo();
  assert.equal(made.ae.items.length, items);
  await assert.rejects(async () => {
    if (!(await made.calls.ready(path))) {
      throw new Error("not written");
    }
  });
});

const kept = CompItem.prototype.saveFrameToPng;
