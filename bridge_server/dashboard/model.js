// What the page knows of the bridge's jobs, from what the bridge tells. Pure: times are given, in seconds.

const ENDED = new Set(["done", "failed", "cancelled", "interrupted"]);

/** Below this many seconds of a stage its pace says nothing. */
const PACE_SECONDS = 2;

export class Known {
  #jobs = new Map();
  #order = [];
  paused = false;

  /** Forget everything and take the jobs as the bridge lists them. */
  replace(snapshots) {
    this.#jobs = new Map();
    for (const { job, seq, ...snapshot } of snapshots) {
      this.#jobs.set(job, { id: job, seq, ...snapshot });
    }
  }

  /** Take in a message about the queue or a job. */
  hear({ type, job, seq, data }, now) {
    switch (type) {
      case "queue.state":
        this.paused = data.paused;
        this.#order = data.order;
        break;
      case "job.removed":
        this.#jobs.delete(job);
        break;
      case "job.jobs":
        this.replace(data.jobs);
        break;
      case "job.accepted":
      case "job.state":
        this.#change(job, seq, data, now);
        break;
      case "job.progress":
        // a message stays until there is another one
        this.#change(job, seq, { ...data, message: data.message ?? this.#jobs.get(job)?.message }, now);
        break;
    }
  }

  #change(id, seq, data, now) {
    const before = this.#jobs.get(id);
    if (before !== undefined && seq < before.seq) {
      return; // told again
    }
    const after = { ...before, ...data, id, seq };
    const pace = before?.pace;
    const goesOn = pace !== undefined && pace.stage === after.stage && pace.done <= after.done;
    after.pace = goesOn ? pace : { stage: after.stage, done: after.done, at: now };
    this.#jobs.set(id, after);
  }

  job(id) {
    return this.#jobs.get(id);
  }

  get running() {
    return [...this.#jobs.values()].filter((job) => job.state === "running");
  }

  /** The jobs that wait, first to run first. */
  get waiting() {
    const place = new Map(this.#order.map((id, index) => [id, index]));
    const at = ({ id }) => place.get(id) ?? place.size;
    return [...this.#jobs.values()].filter((job) => job.state === "queued").sort((a, b) => at(a) - at(b));
  }

  /** The jobs that ended, newest first. */
  get ended() {
    const at = (job) => job.ended ?? job.started ?? job.submitted ?? 0;
    return [...this.#jobs.values()].filter((job) => ENDED.has(job.state)).sort((a, b) => at(b) - at(a));
  }
}

/** Seconds that the stage of a running job goes on at its pace so far, or null while that cannot be said. */
export function secondsLeft({ state, stage, done, total, pace }, now) {
  if (state !== "running" || pace?.stage !== stage) {
    return null;
  }
  const [spent, made] = [now - pace.at, done - pace.done];
  return spent >= PACE_SECONDS && made > 0 && total >= done ? ((total - done) * spent) / made : null;
}

/** "8 s", "3 min", "2 h 5 min". */
export function duration(seconds) {
  const minutes = Math.round(seconds / 60);
  if (seconds < 60) {
    return `${Math.max(1, Math.round(seconds))} s`;
  }
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
