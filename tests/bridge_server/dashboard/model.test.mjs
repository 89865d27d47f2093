// What the page knows of jobs after it was told this and that.

import assert from "node:assert/strict";
import test from "node:test";

import { duration, Known, secondsLeft } from "../../../bridge_server/dashboard/model.js";

const snapshot = (job, state, more = {}) => ({ job, seq: 1, state, stage: null, done: 0, total: 0, ...more });
const ids = (jobs) => jobs.map(({ id }) => id);

test("jobs that wait stand in the queue's order, those that ended with the newest first", () => {
  const known = new Known();
  known.replace([
    snapshot("a", "queued"),
    snapshot("b", "queued"),
    snapshot("c", "running"),
    snapshot("d", "done", { ended: 5 }),
    snapshot("e", "failed", { ended: 9 }),
    snapshot("f", "interrupted", { started: 7 }),
  ]);
  known.hear({ type: "queue.state", data: { paused: true, order: ["b", "a"] } }, 0);
  assert.deepEqual(ids(known.waiting), ["b", "a"]);
  assert.deepEqual(ids(known.running), ["c"]);
  assert.deepEqual(ids(known.ended), ["e", "f", "d"]);
  assert.equal(known.paused, true);
});

test("a job that is told of for the first time is known, a removed one is not", () => {
  const known = new Known();
  known.hear({ type: "job.state", job: "a", seq: 3, data: { state: "queued" } }, 0);
  assert.deepEqual(ids(known.waiting), ["a"]);
  known.hear({ type: "job.removed", job: "a", data: {} }, 0);
  assert.deepEqual(ids(known.waiting), []);
});

test("what is older than what is known changes nothing", () => {
  const known = new Known();
  known.hear({ type: "job.state", job: "a", seq: 3, data: { state: "done" } }, 0);
  known.hear({ type: "job.progress", job: "a", seq: 2, data: { stage: "write", done: 1, total: 2 } }, 0);
  assert.equal(known.job("a").stage, undefined);
});

test("a message stays until there is another one", () => {
  const known = new Known();
  known.replace([snapshot("a", "running", { message: "31 frames to paint." })]);
  const progress = (seq, message) =>
    known.hear({ type: "job.progress", job: "a", seq, data: { stage: "propagate", done: seq, total: 9, message } }, 0);
  progress(2, null);
  assert.equal(known.job("a").message, "31 frames to paint.");
  progress(3, "A cut.");
  assert.equal(known.job("a").message, "A cut.");
});

test("the time left goes by the pace of the stage, and is not said before there is one", () => {
  const known = new Known();
  const progress = (seq, stage, done, now) => {
    known.hear({ type: "job.progress", job: "a", seq, data: { stage, done, total: 60, message: null } }, now);
    return secondsLeft(known.job("a"), now);
  };
  known.replace([snapshot("a", "running")]);
  assert.equal(progress(2, "propagate", 10, 100), null);
  assert.equal(progress(3, "propagate", 12, 101), null);
  assert.equal(progress(4, "propagate", 20, 105), 20);
  assert.equal(progress(5, "write", 1, 106), null);
});

test("a job that begins again has another pace", () => {
  const known = new Known();
  const progress = (seq, done, now) =>
    known.hear({ type: "job.progress", job: "a", seq, data: { stage: "propagate", done, total: 60 } }, now);
  known.replace([snapshot("a", "running")]);
  progress(2, 40, 0);
  progress(3, 5, 50);
  progress(4, 15, 60);
  assert.equal(secondsLeft(known.job("a"), 60), 45);
});

test("durations are said in the unit that fits", () => {
  assert.deepEqual([0.2, 8.4, 59, 61, 3000, 7500].map(duration), ["1 s", "8 s", "59 s", "1 min", "50 min", "2 h 5 min"]);
});
