/** What the panel knows, and how it changes: a pure reducer. Times are given, in seconds. */

import type { Estimate, Link, Setup } from "../bridge/api.ts";
import type { ClipInfo, Snapshot } from "../bridge/generated.ts";
import type { ClipSource, Imported, Scene } from "../hosts/host.ts";
import { DEFAULT, objection } from "./choice.ts";
import type { Choice, Preset, Reason } from "./choice.ts";
import { setupAsked, setupTold, UNKNOWN } from "./setup.ts";
import type { SetupKnown } from "./setup.ts";
import type { Complaint } from "./strings.ts";

export type ClipFacts = ClipInfo["data"];

/** Below this confidence a found frame is always shown before it is used. */
export const SURE = 0.9;

/** A run that takes more seconds is asked about before it starts. */
export const LONG = 120;

/** Below this many seconds of a stage its pace says nothing. */
const PACE_SECONDS = 2;

export type Clip =
  | { readonly state: "reading"; readonly source: ClipSource }
  | { readonly state: "ready"; readonly source: ClipSource; readonly grant: string; readonly facts: ClipFacts }
  | { readonly state: "refused"; readonly source: ClipSource; readonly refusal: Complaint };

/** Which frame was edited, and who says so. */
export interface Frame {
  readonly index: number;
  readonly from: "host" | "typed" | "located";
  readonly confidence: number | null;
}

/** What is done before a job is the bridge's. `confirm` waits for the person: whether the frame, or the cost, is right. */
export type Step =
  | { readonly kind: "export" }
  | { readonly kind: "send"; readonly part: number }
  | { readonly kind: "locate" }
  | { readonly kind: "estimate" }
  | { readonly kind: "confirm"; readonly about: "frame" | "start" }
  | { readonly kind: "submit" };

export interface Job extends Snapshot {
  /** Where the stage stood when it was first seen. */
  readonly pace: { readonly stage: Snapshot["stage"]; readonly done: number; readonly at: number };
}

/** A job that this panel submitted, kept beyond its closing. */
export interface Own {
  /** The document that the result belongs to. */
  readonly document: string | null;
  /** The source clip. */
  readonly source: ClipSource;
  readonly start: number;
  /** The edited frame, and when in the document it was, in the host's words. */
  readonly frame: number | null;
  readonly place: string | null;
  readonly fps: string;
  readonly at: number;
  /** Whether it was brought in, or that was tried. */
  readonly settled: boolean;
}

export type Return =
  | { readonly state: "bringing" }
  | { readonly state: "brought"; readonly imported: Imported }
  | { readonly state: "failed"; readonly complaint: Complaint };

export interface Picture {
  readonly url: string;
  /** The frame of a running job; null for the picture of an ended one. */
  readonly frame: number | null;
}

/** Two pictures of one frame; `frame` counts as in the source. */
export interface Comparison {
  readonly job: string;
  readonly frame: number;
  readonly first: number;
  readonly last: number;
  readonly source: string | null;
  readonly result: string | null;
  readonly known: boolean;
}

export interface Model {
  readonly link: Link;
  readonly scene: Scene | null;
  readonly clip: Clip | null;
  /** The clip's first frame, and its frame where the edit is. */
  readonly clipPicture: string | null;
  readonly sourcePicture: { readonly frame: number; readonly url: string } | null;
  readonly frame: Frame | null;
  /** The last frame that the person agreed to, for this clip. */
  readonly agreed: number | null;
  readonly choice: Choice;
  readonly presets: readonly Preset[];
  readonly estimate: Estimate | Complaint | "asking" | null;
  readonly step: Step | null;
  readonly complaint: Complaint | null;
  readonly jobs: ReadonlyMap<string, Job>;
  readonly order: readonly string[];
  readonly paused: boolean;
  readonly own: ReadonlyMap<string, Own>;
  readonly returns: ReadonlyMap<string, Return>;
  /** What the bridge or the host refused about a job. */
  readonly refusals: ReadonlyMap<string, Complaint>;
  readonly pictures: ReadonlyMap<string, Picture>;
  readonly comparison: Comparison | null;
  readonly setup: SetupKnown;
  readonly open: { readonly connection: boolean; readonly more: boolean; readonly setup: boolean };
  readonly port: string;
}

export const START: Model = {
  link: { state: "connecting" },
  scene: null,
  clip: null,
  clipPicture: null,
  sourcePicture: null,
  frame: null,
  agreed: null,
  choice: DEFAULT,
  presets: [],
  estimate: null,
  step: null,
  complaint: null,
  jobs: new Map(),
  order: [],
  paused: false,
  own: new Map(),
  returns: new Map(),
  refusals: new Map(),
  pictures: new Map(),
  comparison: null,
  setup: UNKNOWN,
  open: { connection: false, more: false, setup: false },
  port: "",
};

export type Event =
  | { readonly type: "link"; readonly link: Link }
  | { readonly type: "scene"; readonly scene: Scene }
  | { readonly type: "clip"; readonly clip: Clip }
  | { readonly type: "clip picture"; readonly url: string }
  | { readonly type: "source picture"; readonly frame: number; readonly url: string }
  | { readonly type: "typed"; readonly index: number | null }
  | { readonly type: "located"; readonly index: number; readonly confidence: number }
  | { readonly type: "agreed"; readonly index: number }
  | { readonly type: "chose"; readonly changes: Partial<Choice> }
  | { readonly type: "presets"; readonly presets: readonly Preset[] }
  | { readonly type: "estimate"; readonly estimate: Model["estimate"] }
  | { readonly type: "step"; readonly step: Step | null }
  | { readonly type: "complaint"; readonly complaint: Complaint | null }
  | { readonly type: "submitted" }
  | { readonly type: "job"; readonly snapshot: Snapshot; readonly at: number }
  | { readonly type: "removed"; readonly job: string }
  | { readonly type: "queue"; readonly paused: boolean; readonly order: readonly string[] }
  | { readonly type: "own"; readonly own: ReadonlyMap<string, Own> }
  | { readonly type: "return"; readonly job: string; readonly how: Return }
  | { readonly type: "refusal"; readonly job: string; readonly complaint: Complaint | null }
  | { readonly type: "picture"; readonly job: string; readonly picture: Picture }
  | { readonly type: "comparison"; readonly comparison: Comparison | null }
  | { readonly type: "setup"; readonly changes: Partial<SetupKnown> }
  | { readonly type: "setup told"; readonly told: Setup }
  | { readonly type: "setup asked"; readonly part: string; readonly how: "asking" | Complaint | null }
  | { readonly type: "open"; readonly open: Partial<Model["open"]> }
  | { readonly type: "port"; readonly port: string };

export function reduce(model: Model, event: Event): Model {
  switch (event.type) {
    case "link":
      return linked(model, event.link);
    case "scene":
      return sceneSeen(model, event.scene);
    case "clip":
      return model.scene?.clip?.path === event.clip.source.path ? { ...model, clip: event.clip } : model;
    case "clip picture":
      return { ...model, clipPicture: event.url };
    case "source picture":
      return { ...model, sourcePicture: { frame: event.frame, url: event.url } };
    case "typed":
      return { ...model, frame: event.index === null ? hostFrame(model.scene) : typed(event.index) };
    case "located":
      return { ...model, frame: { index: event.index, from: "located", confidence: event.confidence } };
    case "agreed":
      return { ...model, agreed: event.index };
    case "chose":
      return { ...model, choice: { ...model.choice, ...event.changes }, estimate: null };
    case "presets":
      return { ...model, presets: event.presets };
    case "estimate":
      return { ...model, estimate: event.estimate };
    case "step":
      return { ...model, step: event.step };
    case "complaint":
      return { ...model, complaint: event.complaint };
    case "submitted":
      // The next edit may be of another frame: what was typed or found for this one does not hold for it.
      return { ...model, step: null, complaint: null, frame: hostFrame(model.scene) };
    case "job":
      return jobSeen(model, event.snapshot, event.at);
    case "removed":
      return {
        ...model,
        jobs: without(model.jobs, event.job),
        pictures: without(model.pictures, event.job),
        returns: without(model.returns, event.job),
        refusals: without(model.refusals, event.job),
        comparison: model.comparison?.job === event.job ? null : model.comparison,
      };
    case "queue":
      return { ...model, paused: event.paused, order: event.order };
    case "own":
      return { ...model, own: event.own };
    case "return":
      return { ...model, returns: having(model.returns, event.job, event.how) };
    case "refusal":
      return {
        ...model,
        refusals:
          event.complaint === null
            ? without(model.refusals, event.job)
            : having(model.refusals, event.job, event.complaint),
      };
    case "picture":
      return { ...model, pictures: having(model.pictures, event.job, event.picture) };
    case "comparison":
      return { ...model, comparison: event.comparison };
    case "setup":
      return { ...model, setup: { ...model.setup, ...event.changes } };
    case "setup told":
      return { ...model, setup: setupTold(model.setup, event.told) };
    case "setup asked":
      return { ...model, setup: setupAsked(model.setup, event.part, event.how) };
    case "open":
      return { ...model, open: { ...model.open, ...event.open } };
    case "port":
      return { ...model, port: event.port };
  }
}

/** A pairing code is the bridge's that runs: another one may not know it. */
function linked(model: Model, link: Link): Model {
  return { ...model, link, setup: link.state === "connected" ? model.setup : { ...model.setup, code: null } };
}

function sceneSeen(model: Model, scene: Scene): Model {
  const before = model.scene;
  const sameClip = before?.clip?.path === scene.clip?.path && before?.document === scene.document;
  const sameFrame = sameClip && before?.frame === scene.frame;
  return {
    ...model,
    scene,
    clip: sameClip ? model.clip : null,
    clipPicture: sameClip ? model.clipPicture : null,
    sourcePicture: sameClip ? model.sourcePicture : null,
    estimate: sameClip ? model.estimate : null,
    agreed: sameClip ? model.agreed : null,
    frame: sameFrame ? model.frame : hostFrame(scene),
  };
}

function hostFrame(scene: Scene | null): Frame | null {
  const index = scene?.frame ?? null;
  return index === null ? null : { index, from: "host", confidence: null };
}

function typed(index: number): Frame {
  return { index, from: "typed", confidence: null };
}

function jobSeen(model: Model, snapshot: Snapshot, at: number): Model {
  const before = model.jobs.get(snapshot.job);
  if (before !== undefined && snapshot.seq < before.seq) {
    return model;
  }
  const goesOn = before !== undefined && before.pace.stage === snapshot.stage && before.pace.done <= snapshot.done;
  const pace = goesOn ? before.pace : { stage: snapshot.stage, done: snapshot.done, at };
  // The picture of an unfinished job is not that of its result.
  const stale = snapshot.state !== "running" && (model.pictures.get(snapshot.job)?.frame ?? null) !== null;
  const again = before?.state === "done" && snapshot.state !== "done";
  return {
    ...model,
    jobs: having(model.jobs, snapshot.job, { ...snapshot, pace }),
    pictures: stale || again ? without(model.pictures, snapshot.job) : model.pictures,
  };
}

function having<V>(map: ReadonlyMap<string, V>, key: string, value: V): ReadonlyMap<string, V> {
  return new Map(map).set(key, value);
}

function without<V>(map: ReadonlyMap<string, V>, key: string): ReadonlyMap<string, V> {
  if (!map.has(key)) {
    return map;
  }
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}

// What follows from it

/** Why nothing can be propagated now; null when it can. */
export function obstacle(model: Model): Reason | null {
  const { link, scene, clip, frame, choice, step } = model;
  if (link.state !== "connected") {
    return { key: "why.not_connected" };
  }
  if (scene === null || scene.document === null) {
    return { key: "why.no_document" };
  }
  if (scene.clip === null) {
    return { key: "why.no_clip" };
  }
  if (clip === null || clip.state === "reading") {
    return { key: "why.reading" };
  }
  if (clip.state === "refused") {
    return { key: "why.refused" };
  }
  if (step?.kind === "confirm") {
    return { key: "why.confirm" };
  }
  return objection(choice, clip.facts.frames, frame?.index ?? null);
}

const ENDED: ReadonlySet<Snapshot["state"]> = new Set(["done", "failed", "cancelled", "interrupted"]);

export function ended(job: Snapshot): boolean {
  return ENDED.has(job.state);
}

/** Jobs that run, then those that wait, first to run first. */
export function queueOf({ jobs, order }: Model): readonly Job[] {
  const place = new Map(order.map((id, index) => [id, index]));
  const at = ({ job, state }: Job): number => (state === "running" ? -1 : (place.get(job) ?? place.size));
  return [...jobs.values()].filter((job) => !ended(job)).sort((a, b) => at(a) - at(b));
}

/** Jobs that ended, newest first. */
export function resultsOf({ jobs }: Model): readonly Job[] {
  const at = (job: Job): number => job.ended ?? job.started ?? job.submitted;
  return [...jobs.values()].filter(ended).sort((a, b) => at(b) - at(a));
}

/** The job of this panel that is to be cancelled first: the one that runs, else the newest that waits. */
export function ownInQueue(model: Model): Job | null {
  const mine = queueOf(model).filter(({ job }) => model.own.has(job));
  return mine.find(({ state }) => state === "running") ?? mine[mine.length - 1] ?? null;
}

/** Whether a finished job is one of this panel's that is still to be brought in, and whether here. */
export function awaited(model: Model, job: Job): "here" | "elsewhere" | null {
  const own = model.own.get(job.job);
  if (own === undefined || own.settled || job.state !== "done" || model.returns.has(job.job) || model.scene === null) {
    return null;
  }
  return own.document === null || own.document === model.scene.document ? "here" : "elsewhere";
}

/** Seconds that the stage of a running job goes on at its pace so far, or null while that cannot be said. */
export function secondsLeft({ state, done, total, pace }: Job, now: number): number | null {
  if (state !== "running") {
    return null;
  }
  const [spent, made] = [now - pace.at, done - pace.done];
  return spent >= PACE_SECONDS && made > 0 && total >= done ? ((total - done) * spent) / made : null;
}
