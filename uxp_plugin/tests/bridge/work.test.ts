import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Preview } from "../../src/bridge/api.ts";
import { heard, panel, picture } from "./panel.ts";
import { ended, faultOf, params, together } from "./together.ts";

function sha256(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

test("a job is told from queued to done, with previews, and its result fetched", async (t) => {
  const side = await together(t);
  const previews: Preview[] = [];
  side.bridge.on("preview", (preview) => previews.push(preview));
  const job = await side.bridge.submit(await params(side, { steps: "3", pause: "0.05" }));
  const done = await side.job(job, ended);
  assert.equal(done.state, "done");
  assert.equal(done.host, "Test");
  const states = side.told.filter((snapshot) => snapshot.job === job);
  assert.deepEqual([...new Set(states.map(({ state }) => state))], ["queued", "running", "done"]);
  assert.ok(states.every(({ seq }, index) => index === 0 || seq > (states[index - 1]?.seq ?? 0)));
  assert.match(Buffer.from(previews[0]?.jpeg ?? []).toString("latin1"), /fake picture of frame \d/);
  const progress: number[] = [];
  const flat = await side.bridge.fetch(job, "flat.mp4", (have, size) => progress.push(have, size));
  assert.equal(sha256(flat), sha256(readFileSync(side.service.clip())));
  assert.deepEqual(progress, [1000, 1000]);
  await assert.rejects(side.bridge.fetch(job, "none.mp4"), faultOf("transfer.no_file"));
});

/** Once, at the first text about a submit. */
function atFirst(word: string): (text: string) => boolean {
  let times = 0;
  return (text) => text.includes(word) && ++times === 1;
}

test("a submit whose answer is cut off is the same job when it is said again", async (t) => {
  const side = await together(t);
  const wanted = await params(side);
  side.sockets.cutHearing = atFirst('"job.accepted"');
  const job = await side.bridge.submit(wanted, 3);
  assert.equal(side.sockets.opened.length, 2);
  assert.equal((await side.job(job, ended)).state, "done");
  assert.deepEqual([...new Set(side.told.map((snapshot) => snapshot.job))], [job]);
});

test("a submit that never arrived is refused, since its picture went with the connection", async (t) => {
  const side = await together(t);
  const wanted = await params(side);
  side.sockets.cutSending = atFirst('"job.submit"');
  await assert.rejects(side.bridge.submit(wanted), faultOf("transfer.unknown"));
  assert.equal(side.told.length, 0);
});

test("a removal whose answer is cut off is one removal", async (t) => {
  const side = await together(t);
  const job = await side.bridge.submit(await params(side));
  await side.job(job, ended);
  const removed = heard(side.bridge, "removed", (id): id is string => id === job);
  side.sockets.cutHearing = atFirst('"job.removed"');
  await side.bridge.remove(job);
  await removed;
});

test("a job that goes on while the panel is away is told when it is back", async (t) => {
  const side = await together(t);
  const job = await side.bridge.submit(await params(side, { steps: "4", pause: "0.1" }));
  await side.job(job, ({ state }) => state === "running");
  side.bridge.stop();
  const other = panel(t, { port: side.service.port, token: side.service.token });
  other.bridge.start();
  await other.job(job, ended);
  side.bridge.start();
  assert.equal((await side.job(job, ended)).state, "done");
});

test("a job that was removed while the panel is away is told to be gone", async (t) => {
  const side = await together(t);
  const job = await side.bridge.submit(await params(side));
  await side.job(job, ended);
  side.bridge.stop();
  const other = panel(t, { port: side.service.port, token: side.service.token });
  other.bridge.start();
  await other.bridge.remove(job);
  const removed = heard(side.bridge, "removed", (id): id is string => id === job);
  side.bridge.start();
  await removed;
});

test("a running job is cancelled, tried again, cancelled and removed", async (t) => {
  const side = await together(t);
  const job = await side.bridge.submit(await params(side, { steps: "200", pause: "0.05" }));
  await side.job(job, ({ state }) => state === "running");
  await side.bridge.cancel(job);
  const { seq } = await side.job(job, ({ state }) => state === "cancelled");
  await side.bridge.retry(job);
  await side.job(job, (snapshot) => snapshot.seq > seq && snapshot.state === "running");
  await side.bridge.cancel(job);
  await side.job(job, (snapshot) => snapshot.seq > seq && snapshot.state === "cancelled");
  const removed = heard(side.bridge, "removed", (id): id is string => id === job);
  await side.bridge.remove(job);
  await removed;
  await assert.rejects(side.bridge.describe(job), faultOf("job.unknown"));
});

test("the queue is paused, ordered, held and released, and told", async (t) => {
  const side = await together(t);
  const queues: (readonly [boolean, readonly string[]])[] = [];
  side.bridge.on("queue", (paused, order) => queues.push([paused, order]));
  await side.bridge.pause(false);
  const wanted = await params(side);
  const [first, second] = [await side.bridge.submit(wanted), await side.bridge.submit(wanted)];
  await side.bridge.move(second, first);
  assert.deepEqual(queues.at(-1), [true, [second, first]]);
  await side.bridge.hold(first);
  await side.bridge.resume();
  await side.job(second, ended);
  assert.equal(side.told.filter(({ job }) => job === first).at(-1)?.held, true);
  await side.bridge.release(first);
  await side.job(first, ended);
  const again = await side.bridge.rerun(first, { settings: { steps: "1" } });
  assert.equal((await side.job(again, ended)).state, "done");
  assert.deepEqual((await side.bridge.describe(again))["settings"], { steps: "1" });
});

test("a job outlives a service that is killed: it is known again, and ends", async (t) => {
  const side = await together(t);
  const job = await side.bridge.submit(await params(side, { steps: "10", pause: "0.1" }));
  const running = await side.job(job, ({ state, done }) => state === "running" && done > 2);
  await side.service.end("SIGKILL");
  const link = await side.linked("waiting");
  assert.equal(link.trouble, "closed");
  await side.service.run();
  await side.linked("connected");
  const done = await side.job(job, ended);
  assert.equal(done.state, "done");
  assert.equal(done.attempt, running.attempt + 1);
  const states = side.told.filter((snapshot) => snapshot.job === job).map(({ state }) => state);
  assert.deepEqual(states.filter((state, index) => state !== states[index - 1]), ["queued", "running", "queued", "running", "done"]);
});

test("a result is fetched whole, though the socket is cut in the middle", async (t) => {
  const side = await together(t);
  const clip = side.service.clip("large.mov", 9_000_001);
  const grant = await side.bridge.grant(clip);
  const edited = await side.bridge.send(picture(8, 8, () => 100));
  const job = await side.bridge.submit({ grant, keyframes: [{ edited, frame: 3 }] });
  await side.job(job, ended);
  const have: number[] = [];
  let cut = false;
  const flat = await side.bridge.fetch(job, "flat.mp4", (done) => {
    have.push(done);
    if (!cut && done > 4_000_000) {
      cut = true;
      side.sockets.cut();
    }
  });
  assert.equal(side.sockets.opened.length, 2);
  assert.equal(sha256(flat), sha256(readFileSync(clip)));
  assert.ok(have.every((done, index) => index === 0 || done > (have[index - 1] ?? 0)), "no byte is fetched twice");
});
