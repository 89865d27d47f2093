/** Brings results in: by itself what this panel submitted, also when it was closed meanwhile; anything when asked. */

import { HostError } from "../hosts/host.ts";
import type { ResultFiles } from "../hosts/host.ts";
import { isRecord } from "./choice.ts";
import { flatOf, resultFiles } from "./files.ts";
import { awaited } from "./model.ts";
import type { Job } from "./model.ts";
import type { Tools } from "./tools.ts";

export class Returns {
  readonly #tools: Tools;
  /** A host does one thing at a time. */
  #last: Promise<void> = Promise.resolve();

  constructor(tools: Tools) {
    this.#tools = tools;
  }

  /** To be called at every change. */
  changed(): void {
    const { store } = this.#tools;
    for (const job of store.model.jobs.values()) {
      if (awaited(store.model, job) === "here") {
        void this.bring(job);
      }
    }
  }

  bring(job: Job): Promise<void> {
    const { store } = this.#tools;
    if (store.model.returns.get(job.job)?.state === "bringing") {
      return this.#last;
    }
    store.dispatch({ type: "return", job: job.job, how: { state: "bringing" } });
    this.#last = this.#last.then(() => this.#bring(job));
    return this.#last;
  }

  async #bring(job: Job): Promise<void> {
    const { store, host, memory, complaintOf } = this.#tools;
    const id = job.job;
    try {
      const imported = await host.bringIn(await this.#files(job));
      store.dispatch({ type: "return", job: id, how: { state: "brought", imported } });
    } catch (thrown) {
      store.dispatch({ type: "return", job: id, how: { state: "failed", complaint: complaintOf(thrown) } });
    }
    const own = store.model.own.get(id);
    if (own !== undefined && !own.settled) {
      // Also what failed: it is not to fail again each time that the panel opens, and there is a button.
      store.dispatch({ type: "own", own: new Map(store.model.own).set(id, { ...own, settled: true }) });
      await memory.keepJobs(store.model.own).catch((thrown: unknown) => {
        store.dispatch({ type: "complaint", complaint: complaintOf(thrown) });
      });
    }
  }

  async #files(job: Job): Promise<ResultFiles> {
    const { store, bridge, say } = this.#tools;
    const nothing = new HostError("panel.no_layer", say("fault.no_layer"), say("fault.no_layer.hint"));
    if (job.result === null) {
      throw nothing;
    }
    const own = store.model.own.get(job.job);
    const known = own ?? { start: await startOf(this.#tools, job.job), fps: "" };
    let { fps } = known;
    const flat = flatOf(job.result);
    if (fps === "" && flat !== null) {
      fps = (await bridge.probe(await bridge.grantResult(job.job, flat))).data.fps;
    }
    const files = resultFiles(job.result, { start: known.start, fps, clip: job.clip });
    if (files.layer === null && files.flat === null) {
      throw nothing;
    }
    return { ...files, clip: own?.source.path ?? null, frame: own?.frame ?? null, place: own?.place ?? null };
  }
}

/** The first source frame of a job's result, as the bridge knows it. */
export async function startOf({ bridge }: Tools, job: string): Promise<number> {
  const params = await bridge.describe(job);
  const range = params["range"];
  const start = isRecord(range) ? range["start"] : 0;
  return typeof start === "number" ? start : 0;
}
