import assert from "node:assert/strict";
import { test } from "node:test";
import { base64 } from "../../src/panel/pictures.ts";
import { resultFiles } from "../../src/panel/files.ts";
import { queueOf, reduce, resultsOf, secondsLeft, START } from "../../src/panel/model.ts";
import type { Event, Model } from "../../src/panel/model.ts";
import { speaker } from "../../src/panel/strings.ts";
import { duration, memory, rate } from "../../src/panel/words.ts";
import { CLIP, done, RESULT, snapshot } from "./fakes.ts";

const after = (...events: readonly Event[]): Model => events.reduce(reduce, START);
const job = (one: ReturnType<typeof snapshot>, at = 0): Event => ({ type: "job", snapshot: one, at });
const scene = { document: "a", clip: CLIP, frame: null, mask: null, thumbnail: null, notes: [] };

test("an older state of a job that is told again changes nothing", () => {
  const model = after(job(done("1")), job(snapshot("1", { seq: 3, state: "running" })));
  assert.equal(model.jobs.get("1")?.state, "done");
});

test("what runs comes first, then what waits in the bridge's order, and results are newest first", () => {
  const model = after(
    job(snapshot("1")),
    job(snapshot("2")),
    job(snapshot("3", { state: "running" })),
    job(done("4", { ended: 5 })),
    job(done("5", { ended: 6 })),
    { type: "queue", paused: false, order: ["2", "1"] },
  );
  assert.deepEqual(queueOf(model).map((one) => one.job), ["3", "2", "1"]);
  assert.deepEqual(resultsOf(model).map((one) => one.job), ["5", "4"]);
});

test("the time left follows the pace of the stage, and is not said before there is one", () => {
  const running = (done: number, seq: number): ReturnType<typeof snapshot> =>
    snapshot("1", { state: "running", stage: "propagate", done, total: 40, seq });
  const model = after(job(running(10, 2), 100), job(running(20, 3), 105));
  const known = model.jobs.get("1");
  assert.ok(known !== undefined);
  assert.equal(secondsLeft(known, 101), null);
  assert.equal(secondsLeft(known, 105), 10);
  const next = after(job(running(20, 3), 100), job(snapshot("1", { state: "running", stage: "write", done: 1, total: 40, seq: 4 }), 200));
  assert.deepEqual(next.jobs.get("1")?.pace, { stage: "write", done: 1, at: 200 });
});

test("a frame that was typed holds for its clip and for one job", () => {
  const typed = after({ type: "scene", scene }, { type: "typed", index: 12 });
  assert.equal(typed.frame?.from, "typed");
  assert.equal(reduce(typed, { type: "scene", scene: { ...scene, notes: ["new"] } }).frame?.index, 12);
  assert.equal(reduce(typed, { type: "scene", scene: { ...scene, clip: { ...CLIP, path: "/b.mp4" } } }).frame, null);
  assert.equal(reduce(typed, { type: "submitted" }).frame, null);
});

test("a frame that the document says anew takes the place of a typed one", () => {
  const model = after({ type: "scene", scene }, { type: "typed", index: 12 }, { type: "scene", scene: { ...scene, frame: 3 } });
  assert.deepEqual(model.frame, { index: 3, from: "host", confidence: null });
});

test("the picture of a job that runs is not kept as that of its end", () => {
  const picture = { url: "data:", frame: 3 };
  const model = after(job(snapshot("1", { state: "running" })), { type: "picture", job: "1", picture }, job(done("1")));
  assert.equal(model.pictures.size, 0);
});

test("a job that is removed takes with it what was known of it", () => {
  const model = after(
    job(done("1")),
    { type: "picture", job: "1", picture: { url: "data:", frame: null } },
    { type: "return", job: "1", how: { state: "bringing" } },
    { type: "comparison", comparison: { job: "1", frame: 0, first: 0, last: 1, source: null, result: null, known: true } },
    { type: "removed", job: "1" },
  );
  assert.deepEqual([model.jobs.size, model.pictures.size, model.returns.size, model.comparison], [0, 0, 0, null]);
});

test("hosts are given full paths, best first, with the folder's own slash", () => {
  const about = { start: 3, fps: "25/1", clip: "box.mp4" };
  assert.deepEqual(resultFiles(RESULT, about), {
    folder: "/results/1",
    layer: "/results/1/layer.mov",
    flat: "/results/1/flat.mp4",
    start: 3,
    fps: "25/1",
    name: "box – Videoshop",
  });
  const windows = resultFiles({ folder: "C:\\r", files: ["flat", "layer"] }, about);
  assert.deepEqual([windows.layer, windows.flat], ["C:\\r\\layer", "C:\\r\\flat"]);
});

test("numbers are said as people say them", () => {
  const say = speaker("en");
  assert.deepEqual([0.2, 59.6, 185, 7500].map((seconds) => duration(seconds, say)), ["1 s", "1 min", "3 min", "2 h 5 min"]);
  assert.deepEqual([850e6, 2.14e9].map(memory), ["850 MB", "2.1 GB"]);
  assert.deepEqual(["30000/1001", "25/1"].map(rate), ["29.97", "25"]);
});

test("base64 is the world's", () => {
  for (const length of [0, 1, 2, 3, 4, 255]) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 7) & 255);
    assert.equal(base64(bytes), Buffer.from(bytes).toString("base64"));
  }
});
