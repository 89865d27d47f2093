/** What outlives the panel, in the host's settings: the choice, presets, the port, and the jobs to be brought in. */

import type { Host, Settings } from "../hosts/host.ts";
import { choiceOf, isRecord, presetsOf } from "./choice.ts";
import type { Choice, Preset } from "./choice.ts";
import type { Own } from "./model.ts";

const JOBS = "panel.jobs";
const CHOICE = "panel.choice";
const PRESETS = "panel.presets";
const PORT = "bridge.port";

/** Most jobs that are remembered, the newest ones. */
const MOST = 100;

/** What a host discovers, with the port that the person typed before the one of the file; for `connectBridge`. */
export async function discovered(host: Pick<Host, "settings" | "discover">): Promise<{ port: number | null; token: string | null }> {
  const [found, typed] = await Promise.all([host.discover(), host.settings.get(PORT)]);
  return { ...found, port: typed === null || typed === "" ? found.port : Number(typed) };
}

export interface Kept {
  readonly choice: Choice;
  readonly presets: readonly Preset[];
  readonly own: ReadonlyMap<string, Own>;
  readonly port: string;
}

export class Memory {
  /** One after the other: a later state is never overwritten by an earlier one. */
  #last: Promise<void> = Promise.resolve();

  constructor(readonly settings: Settings) {}

  async recall(): Promise<Kept> {
    const [jobs, choice, presets, port] = await Promise.all([
      this.#read(JOBS),
      this.#read(CHOICE),
      this.#read(PRESETS),
      this.settings.get(PORT),
    ]);
    return { choice: choiceOf(choice), presets: presetsOf(presets), own: ownOf(jobs), port: port ?? "" };
  }

  keepJobs(own: ReadonlyMap<string, Own>): Promise<void> {
    return this.#write(JOBS, JSON.stringify(Object.fromEntries(newest(own))));
  }

  keepChoice(choice: Choice): Promise<void> {
    return this.#write(CHOICE, JSON.stringify(choice));
  }

  keepPresets(presets: readonly Preset[]): Promise<void> {
    return this.#write(PRESETS, JSON.stringify(presets));
  }

  keepPort(port: string): Promise<void> {
    return port === "" ? this.settings.remove(PORT) : this.settings.set(PORT, port);
  }

  /** What was kept, or null: what cannot be read any more is as if it had not been kept. */
  async #read(name: string): Promise<unknown> {
    const text = await this.settings.get(name);
    try {
      return text === null ? null : JSON.parse(text);
    } catch (error) {
      if (error instanceof SyntaxError) {
        return null;
      }
      throw error;
    }
  }

  #write(name: string, text: string): Promise<void> {
    const written = this.#last.then(() => this.settings.set(name, text));
    this.#last = written.catch(() => undefined); // told to who asked for it
    return written;
  }
}

function newest(own: ReadonlyMap<string, Own>): readonly (readonly [string, Own])[] {
  return [...own].sort(([, a], [, b]) => b.at - a.at).slice(0, MOST);
}

function ownOf(kept: unknown): ReadonlyMap<string, Own> {
  const own = new Map<string, Own>();
  for (const [job, one] of Object.entries(isRecord(kept) ? kept : {})) {
    if (!isRecord(one) || !isRecord(one["source"])) {
      continue;
    }
    const { document, source, start, frame, place, fps, at, settled } = one;
    const { path, name, from } = source;
    if (typeof path === "string" && typeof name === "string" && typeof from === "string" && typeof fps === "string") {
      own.set(job, {
        document: typeof document === "string" ? document : null,
        source: { path, name, from },
        start: Number(start) || 0,
        frame: typeof frame === "number" ? frame : null,
        place: typeof place === "string" ? place : null,
        fps,
        at: Number(at) || 0,
        settled: settled === true,
      });
    }
  }
  return own;
}
