/** A bridge and a host that the tests of the view speak for. */

import { BridgeFault } from "../../src/bridge/api.ts";
import type { Bridge, Estimate, Events, Link, PairingCode, Setup } from "../../src/bridge/api.ts";
import type { ClipInfo, Fault, JobParams, Part, Snapshot } from "../../src/bridge/generated.ts";
import type { ClipSource, Host, Imported, Picture, ResultFiles, Scene, Settings } from "../../src/hosts/host.ts";

export const CONNECTED: Link = { state: "connected", port: 47821, version: "0.1.0" };
export const CLIP: ClipSource = { path: "/clips/box.mp4", name: "box.mp4", from: "linked" };

export function fault(code: string, message = "It is wrong.", hint = "Do this."): BridgeFault {
  const data: Fault = { code, message, hint, retryable: false, ref: null };
  return new BridgeFault(data);
}

export class KeptSettings implements Settings {
  readonly kept = new Map<string, string>();

  async get(name: string): Promise<string | null> {
    return this.kept.get(name) ?? null;
  }

  async set(name: string, value: string): Promise<void> {
    this.kept.set(name, value);
  }

  async remove(name: string): Promise<void> {
    this.kept.delete(name);
  }
}

export function flat(size: number, width = 64, height = 36): Picture {
  return {
    kind: "raw",
    size,
    width,
    height,
    channels: 3,
    bits: 8,
    profile: "sRGB",
    async *bands() {
      yield new Uint8Array(size);
    },
  };
}

export class FakeHost implements Host {
  readonly name = "Fake 1.0";
  scene: Scene = {
    document: "box.psd",
    clip: CLIP,
    frame: 20,
    mask: "layer mask",
    thumbnail: "data:image/jpeg;base64,AA==",
    notes: [],
  };
  readonly broughtIn: ResultFiles[] = [];
  readonly revealed: string[] = [];
  imported: Imported = { rung: "linked layer", todo: null };
  chosen: ClipSource | null = null;
  editing: () => Promise<Picture> = async () => flat(6912);
  masking: () => Promise<Picture | null> = async () => null;
  refusal: Error | null = null;
  private readonly heard = new Set<() => void>();

  constructor(readonly settings: Settings = new KeptSettings()) {}

  async discover(): Promise<{ port: number | null; token: string | null }> {
    return { port: null, token: null };
  }

  async look(): Promise<Scene> {
    return this.scene;
  }

  edited(): Promise<Picture> {
    return this.editing();
  }

  mask(): Promise<Picture | null> {
    return this.masking();
  }

  async chooseClip(): Promise<ClipSource | null> {
    if (this.chosen !== null) {
      this.scene = { ...this.scene, clip: this.chosen };
    }
    return this.chosen;
  }

  async bringIn(result: ResultFiles): Promise<Imported> {
    this.broughtIn.push(result);
    if (this.refusal !== null) {
      throw this.refusal;
    }
    return this.imported;
  }

  async reveal(path: string): Promise<void> {
    this.revealed.push(path);
  }

  onChange(changed: () => void): () => void {
    this.heard.add(changed);
    return () => this.heard.delete(changed);
  }

  change(scene: Partial<Scene>): void {
    this.scene = { ...this.scene, ...scene };
    this.heard.forEach((heard) => heard());
  }
}

export function snapshot(job: string, more: Partial<Snapshot> = {}): Snapshot {
  return {
    job,
    seq: 1,
    state: "queued",
    held: false,
    stopping: null,
    priority: 0,
    attempt: 1,
    clip: "box.mp4",
    method: "flow",
    host: "Fake 1.0",
    stage: null,
    done: 0,
    total: 0,
    submitted: 1_700_000_000,
    started: null,
    ended: null,
    message: null,
    error: null,
    result: null,
    ...more,
  };
}

export const RESULT = { folder: "/results/1", files: ["flat.mp4", "layer.mov", "report.json"] };

export function done(job: string, more: Partial<Snapshot> = {}): Snapshot {
  return snapshot(job, { seq: 9, state: "done", ended: 1_700_000_100, result: RESULT, ...more });
}

export const LICENCE = { name: "A Licence", rule: "Free below a revenue.", terms: "https://terms.invalid/licence" };

const PARTS: readonly Part[] = [
  ...["photoshop", "after-effects", "script"].map((name) => part(name, { group: "panels" })),
  part("engine", { size: 7.6e9, note: "NVIDIA RTX 4070, driver 570" }),
  part("svd", { size: 4.5e9, licence: LICENCE }),
  part("svd-xt", { size: 4.5e9, licence: LICENCE }),
];

function part(name: string, more: Partial<Part>): Part {
  const nothing = { size: null, note: null, todo: [], licence: null, removable: false, error: null };
  return { part: name, group: "videoshop", state: "absent", ...nothing, ...more };
}

/** How the parts stand: nothing is installed, but for what is said otherwise. */
export function setup(changes: Readonly<Record<string, Partial<Part>>> = {}, more: Partial<Setup> = {}): Setup {
  const parts = PARTS.map((one) => ({ ...one, ...changes[one.part] }));
  return { parts, work: null, waiting: [], ...more };
}

type Heard = { [K in keyof Events]: Set<Events[K]> };

/** Remembers what it was asked; what it refuses is set by name. */
export class FakeBridge implements Bridge {
  link: Link = { state: "connecting" };
  readonly asked: (readonly [string, ...unknown[]])[] = [];
  readonly refuses = new Map<string, Error>();
  readonly waits = new Map<string, Promise<void>>();
  frames = 40;
  located = { frame: 20, confidence: 0.97 };
  estimated: Estimate = { frames: 40, seconds: 7, memory: 640e6 };
  params: Record<string, unknown> = { range: { start: 0, stop: null }, keyframes: [{ frame: 20 }] };
  code: PairingCode = { code: "ABCDE-12345", seconds: 300 };
  started = 0;
  private count = 0;
  private readonly heard: Heard = {
    link: new Set(),
    job: new Set(),
    removed: new Set(),
    queue: new Set(),
    preview: new Set(),
    setup: new Set(),
  };

  on<K extends keyof Events>(event: K, heard: Events[K]): () => void {
    const all: Set<Events[K]> = this.heard[event];
    all.add(heard);
    return () => all.delete(heard);
  }

  // What a test lets it say

  say(link: Link): void {
    this.link = link;
    this.heard.link.forEach((heard) => heard(link));
  }

  tell(...snapshots: readonly Snapshot[]): void {
    snapshots.forEach((one) => this.heard.job.forEach((heard) => heard(one)));
  }

  tellRemoved(job: string): void {
    this.heard.removed.forEach((heard) => heard(job));
  }

  tellQueue(paused: boolean, order: readonly string[]): void {
    this.heard.queue.forEach((heard) => heard(paused, order));
  }

  tellSetup(setup: Setup): void {
    this.heard.setup.forEach((heard) => heard(setup));
  }

  preview(job: string, frame: number): void {
    this.heard.preview.forEach((heard) => heard({ job, frame, jpeg: new Uint8Array([1, 2, 3]) }));
  }

  /** What was asked by one name. */
  of(name: string): readonly unknown[][] {
    return this.asked.filter(([one]) => one === name).map(([, ...rest]) => rest);
  }

  // What the panel asks

  start(): void {
    this.started += 1;
  }

  stop(): void {
    this.asked.push(["stop"]);
  }

  pair(code: string): Promise<void> {
    return this.answer("pair", [code], undefined);
  }

  grant(path: string): Promise<string> {
    return this.answer("grant", [path], this.next("grant"));
  }

  upload(name: string, _: Blob, progress: (done: number) => void): Promise<string> {
    progress(1);
    return this.answer("upload", [name], this.next("grant"));
  }

  probe(grant: string): Promise<ClipInfo> {
    const data = {
      grant,
      frames: this.frames,
      fps: "30000/1001",
      width: 640,
      height: 360,
      duration: 2,
      codec: "h264",
      pixel_format: "yuv420p",
      bits: 8,
      constant_rate: true,
      interlaced: false,
      has_audio: false,
      timecode: null,
    };
    return this.answer("probe", [grant], { v: 1, id: "s1", type: "clip.info", data });
  }

  frame(grant: string, index: number, small: boolean): Promise<Uint8Array> {
    return this.answer("frame", [grant, index, small], new Uint8Array([index]));
  }

  locate(grant: string, edited: string): Promise<{ frame: number; confidence: number }> {
    return this.answer("locate", [grant, edited], this.located);
  }

  send(picture: Picture, progress?: (done: number) => void): Promise<string> {
    progress?.(picture.size / 2);
    return this.answer("send", [picture], this.next("transfer"));
  }

  estimate(params: JobParams): Promise<Estimate> {
    return this.answer("estimate", [params], this.estimated);
  }

  submit(params: JobParams): Promise<string> {
    return this.answer("submit", [params], this.next("job"));
  }

  rerun(job: string, changes: Record<string, unknown>): Promise<string> {
    return this.answer("rerun", [job, changes], this.next("job"));
  }

  cancel(job: string): Promise<void> {
    return this.answer("cancel", [job], undefined);
  }

  retry(job: string): Promise<void> {
    return this.answer("retry", [job], undefined);
  }

  hold(job: string): Promise<void> {
    return this.answer("hold", [job], undefined);
  }

  release(job: string): Promise<void> {
    return this.answer("release", [job], undefined);
  }

  move(job: string, before: string | null): Promise<void> {
    return this.answer("move", [job, before], undefined);
  }

  remove(job: string): Promise<void> {
    return this.answer("remove", [job], undefined);
  }

  describe(job: string): Promise<Record<string, unknown>> {
    return this.answer("describe", [job], this.params);
  }

  pause(now: boolean): Promise<void> {
    return this.answer("pause", [now], undefined);
  }

  resume(): Promise<void> {
    return this.answer("resume", [], undefined);
  }

  fetch(job: string, file: string): Promise<Uint8Array> {
    return this.answer("fetch", [job, file], new Uint8Array([7]));
  }

  grantResult(job: string, file: string): Promise<string> {
    return this.answer("grantResult", [job, file], `result of ${job}`);
  }

  watchSetup(): Promise<void> {
    return this.answer("watchSetup", [], undefined);
  }

  setUp(part: string, accepted: boolean, token: string | null): Promise<void> {
    return this.answer("setUp", [part, accepted, token], undefined);
  }

  takeAway(part: string): Promise<void> {
    return this.answer("takeAway", [part], undefined);
  }

  stopSetUp(part: string): Promise<void> {
    return this.answer("stopSetUp", [part], undefined);
  }

  pairingCode(): Promise<PairingCode> {
    return this.answer("pairingCode", [], this.code);
  }

  private next(kind: string): string {
    this.count += 1;
    return `${kind} ${this.count}`;
  }

  private async answer<T>(name: string, asked: readonly unknown[], answer: T): Promise<T> {
    this.asked.push([name, ...asked]);
    await this.waits.get(name);
    const refusal = this.refuses.get(name);
    if (refusal !== undefined) {
      throw refusal;
    }
    return answer;
  }
}
