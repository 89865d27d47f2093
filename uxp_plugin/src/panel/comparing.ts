/** Fetches a frame of the source and of a result, the newest wish first. */

import { isRecord } from "./choice.ts";
import { flatOf } from "./files.ts";
import type { Job } from "./model.ts";
import { jpegUrl } from "./pictures.ts";
import type { Tools } from "./tools.ts";

interface Pair {
  readonly source: string | null;
  readonly result: string;
}

export class Comparing {
  readonly #tools: Tools;
  #pair: Pair | null = null;
  #wanted: number | null = null;
  #fetching = false;
  #opened = 0;

  constructor(tools: Tools) {
    this.#tools = tools;
  }

  /** Throws what the bridge refuses. */
  async open(job: Job): Promise<void> {
    const { bridge, store, grants } = this.#tools;
    const flat = job.result === null ? null : flatOf(job.result);
    if (flat === null) {
      return;
    }
    const opened = ++this.#opened;
    const source = store.model.own.get(job.job)?.source ?? null;
    const [params, result, granted] = await Promise.all([
      bridge.describe(job.job),
      bridge.grantResult(job.job, flat),
      // A source that is gone leaves the result to be looked at, and that is said.
      source === null ? null : grants.of(source).catch(() => null),
    ]);
    const { frames } = (await bridge.probe(result)).data;
    if (opened !== this.#opened) {
      return;
    }
    const range = isRecord(params["range"]) ? params["range"]["start"] : 0;
    const first = typeof range === "number" ? range : 0;
    const last = first + frames - 1;
    const frame = Math.min(last, Math.max(first, editedFrame(params) ?? first));
    this.#pair = { source: granted, result };
    const known = granted !== null;
    store.dispatch({
      type: "comparison",
      comparison: { job: job.job, frame, first, last, source: null, result: null, known },
    });
    await this.show(frame);
  }

  /** Throws what the bridge refuses. */
  async show(frame: number): Promise<void> {
    const { store, bridge } = this.#tools;
    const shown = store.model.comparison;
    if (shown === null) {
      return;
    }
    store.dispatch({ type: "comparison", comparison: { ...shown, frame } });
    this.#wanted = frame;
    if (this.#fetching) {
      return;
    }
    this.#fetching = true;
    try {
      while (this.#wanted !== null && this.#pair !== null) {
        const [wanted, pair, opened] = [this.#wanted, this.#pair, this.#opened];
        this.#wanted = null;
        const [source, result] = await Promise.all([
          pair.source === null ? null : bridge.frame(pair.source, wanted, true),
          bridge.frame(pair.result, wanted - shown.first, true),
        ]);
        const now = store.model.comparison;
        if (now !== null && opened === this.#opened) {
          const urls = { source: source === null ? null : jpegUrl(source), result: jpegUrl(result) };
          store.dispatch({ type: "comparison", comparison: { ...now, ...urls } });
        }
      }
    } finally {
      this.#fetching = false;
    }
  }

  close(): void {
    this.#opened += 1;
    this.#pair = null;
    this.#wanted = null;
    this.#tools.store.dispatch({ type: "comparison", comparison: null });
  }
}

/** The first edited frame of a job, where it was said. */
function editedFrame(params: Record<string, unknown>): number | null {
  const keyframes: unknown = params["keyframes"];
  const first: unknown = Array.isArray(keyframes) ? keyframes[0] : null;
  return isRecord(first) && typeof first["frame"] === "number" ? first["frame"] : null;
}
