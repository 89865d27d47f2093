import assert from "node:assert/strict";
import { test } from "node:test";
import { HostError } from "../../../src/hosts/host.ts";
import { PulldownPhase } from "./simulator/items.ts";
import { MaskMode } from "./simulator/properties.ts";
import { draw, FPS, group, HEIGHT, pictureFile, project, transform, WIDTH } from "./project.ts";
import { filled } from "./simulator/pictures.ts";

test("a clip in a composition is seen with its file and the frame under the time", async (t) => {
  const { comp, footage, calls } = await project(t);
  comp.time = 20 / FPS;
  const seen = await calls.look();
  assert.equal(seen.document, "Shot");
  assert.deepEqual(seen.clip, { path: footage.file?.fsName, name: "shot.mp4", from: "footage" });
  assert.equal(seen.frame, 20);
  assert.equal(seen.mask, null);
  assert.deepEqual(seen.notes, []);
});

test("looking changes nothing", async (t) => {
  const { ae, calls } = await project(t);
  await calls.look();
  await calls.pulse();
  assert.deepEqual(ae.undo.steps, []);
});

test("every frame's own time is that frame, also of a layer that starts elsewhere and at 29.97", async (t) => {
  const fps = 30000 / 1001;
  const { comp, layer, calls } = await project(t, { media: { frameRate: fps } });
  layer.startTime = -7 / FPS;
  for (const frame of [8, 9, 23, 24, 41, 49]) {
    comp.time = Number((layer.startTime + frame / fps).toFixed(6));
    assert.equal((await calls.look()).frame, frame);
  }
});

test("conformed footage counts frames by the rate it is conformed to", async (t) => {
  const { comp, footage, calls } = await project(t);
  footage.mainSource.conformFrameRate = 50;
  comp.time = 0.5;
  assert.equal((await calls.look()).frame, 25);
});

for (const [what, change] of [
  ["time-remapped", (p: Project) => (p.layer.timeRemapEnabled = true)],
  ["stretched", (p: Project) => (p.layer.stretch = 200)],
  ["under an effect that changes time", (p: Project) => group(p.layer, "ADBE Effect Parade").apply("ADBE Timewarp", "Timewarp")],
  ["looped", (p: Project) => (p.footage.mainSource.loop = 3)],
  ["without its pulldown", (p: Project) => (p.footage.mainSource.removePulldown = PulldownPhase.WSSWW)],
] as const) {
  test(`the frame of a clip that is ${what} is left to the bridge, and the panel says why`, async (t) => {
    const made = await project(t);
    change(made);
    const seen = await made.calls.look();
    assert.equal(seen.frame, null);
    assert.match(seen.notes[0] ?? "", /^The frame's number is looked for in the clip: .*\.$/);
  });
}

test("the selected layer's clip comes before the topmost one", async (t) => {
  const { ae, comp, layer, calls } = await project(t);
  const other = comp.layers.add(ae.footage(layer.source.name === "shot.mp4" ? String((layer.source as Footage).file?.fsName) : ""));
  other.source.name = "upper.mp4";
  assert.equal((await calls.look()).clip?.name, "upper.mp4");
  comp.selectedLayers.push(layer);
  assert.equal((await calls.look()).clip?.name, "shot.mp4");
});

test("stills, adjustment layers, hidden layers and the panel's own results are no clips", async (t) => {
  const { ae, comp, footage, folder, calls } = await project(t);
  comp.layers.add(ae.footage(pictureFile(folder, "still.png", filled(WIDTH, HEIGHT, [1, 0, 0]))));
  comp.layers.add(footage).adjustmentLayer = true;
  comp.layers.add(footage).enabled = false;
  comp.layers.add(footage).comment = "Made by Videoshop";
  comp.layer(1).startTime = 1;
  comp.time = 10 / FPS;
  assert.equal((await calls.look()).frame, 10);
});

test("a clip one composition deeper is seen through, where both show it pixel for pixel", async (t) => {
  const { ae, comp, calls } = await project(t);
  const outer = ae.composition("Edit", WIDTH, HEIGHT, 10, FPS);
  outer.layers.add(comp).startTime = 1;
  ae.active = outer;
  outer.time = 1 + 12 / FPS;
  assert.deepEqual({ ...(await calls.look()), key: "", clip: "" }, { document: "Edit", key: "", clip: "", frame: 12, mask: null, notes: [] });
});

test("a nested clip that is scaled on the way is refused when the frame is taken", async (t) => {
  const { ae, comp, calls } = await project(t);
  const outer = ae.composition("Edit", WIDTH, HEIGHT, 10, FPS);
  transform(outer.layers.add(comp), "ADBE Scale").setValue([50, 50]);
  ae.active = outer;
  assert.match((await calls.look()).notes[0] ?? "", /pixel for pixel/);
  await assert.rejects(calls.begin("picture"), { name: "HostError", code: "scene.not_one_to_one" });
});

test("without a composition, a clip, its file or a frame there is a reason and a hint", async (t) => {
  const { ae, comp, footage, layer, calls } = await project(t);
  comp.time = 9;
  comp.selectedLayers.push(layer);
  await assert.rejects(calls.begin("picture"), { code: "scene.outside" });
  comp.time = 0;
  footage.footageMissing = true;
  assert.equal((await calls.look()).clip, null);
  await assert.rejects(calls.begin("picture"), { code: "scene.clip_missing", message: "The file of “shot.mp4” is missing." });
  layer.enabled = false;
  comp.selectedLayers.pop();
  await assert.rejects(calls.begin("picture"), { code: "scene.no_clip" });
  ae.active = footage;
  assert.equal((await calls.look()).document, null);
  await assert.rejects(calls.begin("picture"), (thrown) => thrown instanceof HostError && thrown.code === "scene.none" && thrown.hint.endsWith("."));
});

test("an image sequence is its folder, and its first frame is left to the bridge", async (t) => {
  const { comp, footage, calls } = await project(t);
  Object.defineProperty(footage.mainSource, "file", { value: { name: "shot_0100.exr", fsName: "/film/shot_0100.exr", parent: { fsName: "/film" } } });
  comp.time = 0.4;
  const seen = await calls.look();
  assert.equal(seen.clip?.path, "/film");
  assert.equal(seen.frame, null);
});

test("masks are counted, and the pulse tells of them, of the time and of the selection", async (t) => {
  const { comp, layer, calls } = await project(t);
  comp.selectedLayers.push(layer);
  const pulses = [await calls.pulse()];
  draw(layer, [[0, 0], [9, 0], [9, 9]], MaskMode.NONE);
  pulses.push(await calls.pulse());
  assert.equal((await calls.look()).mask, "the layer's mask");
  comp.time = 1;
  pulses.push(await calls.pulse());
  comp.selectedLayers.pop();
  pulses.push(await calls.pulse());
  assert.equal(new Set(pulses).size, 4);
});

type Project = Awaited<ReturnType<typeof project>>;
type Footage = Project["footage"];
