import assert from "node:assert/strict";
import { test } from "node:test";
import type { JobProgress, JobState, Snapshot } from "../../src/bridge/generated.ts";
import { caughtUp, known, told, without, type Jobs } from "../../src/bridge/jobs.ts";

const QUEUED: Snapshot = {
  job: "a",
  seq: 1,
  state: "queued",
  held: false,
  stopping: null,
  priority: 0,
  attempt: 0,
  clip: "shot.mov",
  method: "flow",
  host: "Photoshop",
  stage: null,
  done: 0,
  total: 0,
  submitted: 1,
  started: null,
  ended: null,
  message: null,
  error: null,
  result: null,
};

function state(snapshot: Snapshot): JobState {
  const { job, seq, ...data } = snapshot;
  return { v: 1, id: "s1", type: "job.state", job, seq, data };
}

function progress(seq: number, done: number): JobProgress {
  const data = { stage: "propagate", done, total: 60, frame: done, message: "Half a minute." } as const;
  return { v: 1, id: "s1", type: "job.progress", job: "a", seq, data };
}

function jobs(...snapshots: Snapshot[]): Jobs {
  return new Map(snapshots.map((snapshot) => [snapshot.job, snapshot]));
}

test("a job that is new is told", () => {
  const { changed, jobs: after } = told(jobs(), state(QUEUED));
  assert.deepEqual(changed, QUEUED);
  assert.deepEqual(after.get("a"), QUEUED);
});

test("what is older than what is known is not told again", () => {
  const before = jobs({ ...QUEUED, seq: 5, state: "done" });
  for (const seq of [1, 4, 5]) {
    assert.deepEqual(told(before, state({ ...QUEUED, seq })), { jobs: before, changed: null, removed: null });
  }
  assert.equal(told(before, progress(5, 2)).changed, null);
});

test("progress is told as the job with that progress", () => {
  const running: Snapshot = { ...QUEUED, seq: 2, state: "running", stage: "probe" };
  const { changed } = told(jobs(running), progress(7, 30));
  assert.deepEqual(changed, { ...running, seq: 7, stage: "propagate", done: 30, total: 60, message: "Half a minute." });
});

test("progress of a job that nobody knows is not told", () => {
  assert.equal(told(jobs(), progress(7, 30)).changed, null);
});

test("a job that was removed is told once", () => {
  const gone = told(jobs(QUEUED), { v: 1, id: "s1", type: "job.removed", job: "a", data: {} });
  assert.equal(gone.removed, "a");
  assert.equal(gone.jobs.size, 0);
  assert.equal(without(gone.jobs, "a").removed, null);
});

test("the values before are left as they are", () => {
  const before = jobs(QUEUED);
  known(before, { ...QUEUED, seq: 2 });
  without(before, "a");
  assert.deepEqual(before, jobs(QUEUED));
});

test("after a reconnect new jobs are told as they stand, the others are asked for what was missed", () => {
  const before = jobs(
    { ...QUEUED, job: "same", seq: 3, state: "done" },
    { ...QUEUED, job: "ahead", seq: 3, state: "running" },
    { ...QUEUED, job: "missing", seq: 2 },
    { ...QUEUED, job: "still", seq: 9, state: "running" },
  );
  const fresh: Snapshot = { ...QUEUED, job: "fresh" };
  const listed: Snapshot[] = [
    { ...QUEUED, job: "same", seq: 3, state: "done" },
    { ...QUEUED, job: "ahead", seq: 8, state: "done" },
    { ...QUEUED, job: "still", seq: 9, state: "running" },
    fresh,
  ];
  assert.deepEqual(caughtUp(before, listed), {
    fresh: [fresh],
    watch: [
      { job: "ahead", since: 3 },
      { job: "missing", since: 2 },
      { job: "still", since: 9 },
    ],
  });
});
