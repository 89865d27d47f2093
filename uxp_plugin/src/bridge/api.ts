/** The bridge, as panel and hosts see it. `bridge.ts` is it over a WebSocket; tests of the view use a simulated one. */

import type { ClipInfo, Fault, JobParams, SetupState, Snapshot } from "./generated.ts";
import type { Picture } from "../hosts/host.ts";

/** Why there is no connection, for the person: each has its own sentence and hint in the string table. */
export type Trouble =
  | "not_installed"
  | "not_running"
  | "version"
  | "not_paired"
  | "wrong_code"
  | "not_trusted"
  | "port_taken"
  | "closed";

export type Link =
  | { readonly state: "connected"; readonly port: number; readonly version: string }
  | { readonly state: "connecting" }
  | { readonly state: "waiting"; readonly trouble: Trouble; readonly detail: string; readonly seconds: number }
  | { readonly state: "stopped"; readonly trouble: Trouble; readonly detail: string };

/** A JPEG of the newest finished frame of a job. */
export interface Preview {
  readonly job: string;
  readonly frame: number;
  readonly jpeg: Uint8Array;
}

export interface Estimate {
  readonly frames: number;
  readonly seconds: number;
  readonly memory: number;
}

/** What can be installed beside the bridge, what is done to it now, and what waits. */
export type Setup = SetupState["data"];

/** A pairing code as it is shown, and the seconds that it is good for. */
export interface PairingCode {
  readonly code: string;
  readonly seconds: number;
}

/** A refusal of the bridge: its code, message, hint, retryable, ref. */
export class BridgeFault extends Error {
  constructor(readonly fault: Fault) {
    super(fault.message);
    this.name = "BridgeFault";
  }
}

export interface Events {
  link(link: Link): void;
  /** A job is new or has changed; also after a reconnect, for everything that was missed. */
  job(snapshot: Snapshot): void;
  removed(job: string): void;
  queue(paused: boolean, order: readonly string[]): void;
  preview(preview: Preview): void;
  /** Once `watchSetup` was asked, on this connection: how it stands, and whatever changes of it. */
  setup(state: Setup): void;
}

export interface Bridge {
  readonly link: Link;
  on<K extends keyof Events>(event: K, heard: Events[K]): () => void;
  start(): void;
  stop(): void;
  /** Pair by a code that the person typed; keeps the token. */
  pair(code: string): Promise<void>;
  /** All below throw BridgeFault; while there is no connection they wait for it, at most `seconds`. */
  grant(path: string): Promise<string>;
  /** Sends a file that only this page has; the bridge keeps it as a clip of this connection. */
  upload(name: string, file: Blob, progress: (done: number) => void): Promise<string>;
  probe(grant: string): Promise<ClipInfo>;
  /** The full frame as PNG bytes; `small`: a JPEG to look at. */
  frame(grant: string, index: number, small: boolean): Promise<Uint8Array>;
  locate(grant: string, edited: string): Promise<{ frame: number; confidence: number }>;
  send(picture: Picture, progress?: (done: number) => void): Promise<string>;
  estimate(params: JobParams): Promise<Estimate>;
  /** Submits, and submits again under the same id when it is not sure whether the first arrived. Returns the job. */
  submit(params: JobParams, priority?: number): Promise<string>;
  rerun(job: string, changes: Record<string, unknown>): Promise<string>;
  cancel(job: string): Promise<void>;
  retry(job: string): Promise<void>;
  hold(job: string): Promise<void>;
  release(job: string): Promise<void>;
  move(job: string, before: string | null): Promise<void>;
  remove(job: string): Promise<void>;
  describe(job: string): Promise<Record<string, unknown>>;
  pause(now: boolean): Promise<void>;
  resume(): Promise<void>;
  fetch(job: string, file: string, progress?: (done: number, size: number) => void): Promise<Uint8Array>;
  /** A file of a finished job as a clip, to look at its frames. */
  grantResult(job: string, file: string): Promise<string>;
  /** Ends with the connection: to be asked again with the next one. */
  watchSetup(): Promise<void>;
  /** Installs a part, or brings it up to date, or mends it. `accepted`: the person agreed to its licence. `token`: of their
   * account at the models' hub. */
  setUp(part: string, accepted: boolean, token: string | null): Promise<void>;
  takeAway(part: string): Promise<void>;
  /** Stops what is done to a part, or would be done to it next. */
  stopSetUp(part: string): Promise<void>;
  /** A code that lets one more panel in; the one before is void. */
  pairingCode(): Promise<PairingCode>;
}
