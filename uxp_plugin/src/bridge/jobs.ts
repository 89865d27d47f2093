/** What is known of the jobs, and what a piece of news makes of it. Values in, values out. */

import type { JobAccepted, JobProgress, JobRemoved, JobState, Snapshot } from "./generated.ts";

export type Jobs = ReadonlyMap<string, Snapshot>;
export type JobNews = JobAccepted | JobState | JobProgress | JobRemoved;

export interface Told {
  readonly jobs: Jobs;
  /** What to tell of it; neither when it was known already. */
  readonly changed: Snapshot | null;
  readonly removed: string | null;
}

/** What came with an older `seq` is known already; progress of a job that nobody knows says too little. */
export function told(jobs: Jobs, news: JobNews): Told {
  if (news.type === "job.removed") {
    return without(jobs, news.job);
  }
  if (news.type !== "job.progress") {
    return known(jobs, { ...news.data, job: news.job, seq: news.seq });
  }
  const before = jobs.get(news.job);
  if (before === undefined) {
    return { jobs, changed: null, removed: null };
  }
  const { stage, done, total, message } = news.data;
  return known(jobs, { ...before, seq: news.seq, stage, done, total, message });
}

export function known(jobs: Jobs, snapshot: Snapshot): Told {
  const before = jobs.get(snapshot.job);
  if (before !== undefined && before.seq >= snapshot.seq) {
    return { jobs, changed: null, removed: null };
  }
  return { jobs: new Map(jobs).set(snapshot.job, snapshot), changed: snapshot, removed: null };
}

export function without(jobs: Jobs, job: string): Told {
  if (!jobs.has(job)) {
    return { jobs, changed: null, removed: null };
  }
  const left = new Map(jobs);
  left.delete(job);
  return { jobs: left, changed: null, removed: job };
}

export interface Watch {
  readonly job: string;
  readonly since: number;
}

/**
 * After a reconnect, of the jobs that the bridge lists: the `fresh` ones, to be told as they stand; and those to `watch`:
 * what happened meanwhile is told again, a job that the bridge does not know any more turns out, and of one that goes
 * on the newest preview comes.
 */
export function caughtUp(jobs: Jobs, listed: readonly Snapshot[]): { fresh: Snapshot[]; watch: Watch[] } {
  const names = new Set(listed.map(({ job }) => job));
  const fresh = listed.filter(({ job }) => !jobs.has(job));
  const changed = listed.filter(({ job, seq }) => seq > (jobs.get(job)?.seq ?? Infinity));
  const missing = [...jobs.values()].filter(({ job }) => !names.has(job));
  const running = listed.filter(({ job, state }) => state === "running" && !changed.some((each) => each.job === job));
  const watch = [...changed, ...missing].map(({ job }) => ({ job, since: jobs.get(job)?.seq ?? 0 }));
  return { fresh, watch: [...watch, ...running.map(({ job, seq }) => ({ job, since: seq }))] };
}
