// Generated from bridge_server/protocol/schema.json by `npm run types`; do not edit.

/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "ClientMessage".
 */
export type ClientMessage =
  | Identify
  | Pair
  | PairOpen
  | Ping
  | GrantClip
  | ClipProbe
  | ClipFrame
  | ClipBegin
  | GrantUpload
  | Locate
  | TransferBegin
  | TransferEnd
  | TransferAbort
  | TransferFetch
  | TransferHave
  | JobSubmit
  | JobEstimate
  | GrantResult
  | JobRerun
  | JobWatch
  | JobCancel
  | JobHold
  | JobRelease
  | JobRetry
  | JobPrioritise
  | JobMove
  | JobDescribe
  | JobRemove
  | JobList
  | JobHistory
  | QueueWatch
  | QueuePause
  | QueueResume
  | EngineRelease
  | SetupWatch
  | SetupInstall
  | SetupRemove
  | SetupStop
  | BridgeEnd;
/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "ServerMessage".
 */
export type ServerMessage =
  | Hello
  | Identified
  | Paired
  | PairCode
  | Pong
  | GrantGiven
  | ClipInfo
  | ClipFrameWritten
  | Located
  | TransferReady
  | TransferAck
  | TransferDone
  | TransferAborted
  | TransferOffer
  | TransferSent
  | JobAccepted
  | JobState
  | JobProgress
  | JobEstimated
  | JobDescribed
  | JobRemoved
  | JobJobs
  | QueueState
  | EngineReleased
  | SetupState
  | BridgeEnding
  | Error;

export interface Protocol {}
/**
 * End the service; `now`: though a job runs, which goes on when the service is back.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "BridgeEnd".
 */
export interface BridgeEnd {
  v: 1;
  id: string;
  type: "bridge.end";
  data: {
    now?: boolean;
  };
}
/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "BridgeEnding".
 */
export interface BridgeEnding {
  v: 1;
  id: string;
  re?: string;
  type: "bridge.ending";
  data: {};
}
/**
 * What a new job does otherwise than the one that it repeats; None: the same.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "Changes".
 */
export interface Changes {
  range?: FrameRange | null;
  method?: ("flow" | "videoshop") | null;
  formats?:
    | ["mov" | "mp4" | "mkv" | "png"]
    | ["mov" | "mp4" | "mkv" | "png", "mov" | "mp4" | "mkv" | "png"]
    | ["mov" | "mp4" | "mkv" | "png", "mov" | "mp4" | "mkv" | "png", "mov" | "mp4" | "mkv" | "png"]
    | [
        "mov" | "mp4" | "mkv" | "png",
        "mov" | "mp4" | "mkv" | "png",
        "mov" | "mp4" | "mkv" | "png",
        "mov" | "mp4" | "mkv" | "png"
      ]
    | null;
  settings?: {
    /**
     * This interface was referenced by `undefined`'s JSON-Schema definition
     * via the `patternProperty` "^[a-z][a-z0-9_.]{0,63}$".
     */
    [k: string]: string;
  } | null;
  seed?: number | null;
}
/**
 * Source frames [start, stop); stop None means the clip's end.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "FrameRange".
 */
export interface FrameRange {
  start?: number;
  stop?: number | null;
}
/**
 * The client proves the token.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "Identify".
 */
export interface Identify {
  v: 1;
  id: string;
  type: "identify";
  data: {
    protocol: number;
    host: string;
    client: string;
    nonce: string;
    hmac: string;
  };
}
/**
 * The client proves the pairing code, to be given the token.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "Pair".
 */
export interface Pair {
  v: 1;
  id: string;
  type: "pair";
  data: {
    protocol: number;
    host: string;
    client: string;
    nonce: string;
    hmac: string;
  };
}
/**
 * Make a pairing code for another client.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "PairOpen".
 */
export interface PairOpen {
  v: 1;
  id: string;
  type: "pair.open";
  data: {};
}
/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "Ping".
 */
export interface Ping {
  v: 1;
  id: string;
  type: "ping";
  data: {};
}
/**
 * The person chose this clip: let the engine read it. The only way in which a path enters.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "GrantClip".
 */
export interface GrantClip {
  v: 1;
  id: string;
  type: "grant.clip";
  data: {
    path: string;
  };
}
/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "ClipProbe".
 */
export interface ClipProbe {
  v: 1;
  id: string;
  type: "clip.probe";
  data: {
    grant: string;
  };
}
/**
 * Write frame `frame` as a PNG, to edit; `small`: as a JPEG at most 640 pixels wide, to look at.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "ClipFrame".
 */
export interface ClipFrame {
  v: 1;
  id: string;
  type: "clip.frame";
  data: {
    grant: string;
    frame: number;
    small?: boolean;
  };
}
/**
 * Announce a clip that only the client has: its bytes follow like those of an image.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "ClipBegin".
 */
export interface ClipBegin {
  v: 1;
  id: string;
  type: "clip.begin";
  data: {
    transfer: string;
    name: string;
    size: number;
  };
}
/**
 * Let the engine read a clip that this connection sent.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "GrantUpload".
 */
export interface GrantUpload {
  v: 1;
  id: string;
  type: "grant.upload";
  data: {
    transfer: string;
  };
}
/**
 * Which frame of the clip is the image of `edited`, a finished transfer, an edit of?
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "Locate".
 */
export interface Locate {
  v: 1;
  id: string;
  type: "locate";
  data: {
    grant: string;
    edited: string;
  };
}
/**
 * Announce an image. `raw`: rows without padding, interleaved gray, RGB or RGBA (straight alpha), 8-bit or 16-bit
 * little-endian full range (0..65535). `png`: the bytes of a PNG file with this header (gray + alpha: 2 channels).
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "TransferBegin".
 */
export interface TransferBegin {
  v: 1;
  id: string;
  type: "transfer.begin";
  data: {
    transfer: string;
    kind: "raw" | "png";
    size: number;
    width: number;
    height: number;
    channels: 1 | 2 | 3 | 4;
    bits: 8 | 16;
    profile?: string | null;
  };
}
/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "TransferEnd".
 */
export interface TransferEnd {
  v: 1;
  id: string;
  type: "transfer.end";
  data: {
    transfer: string;
    size: number;
    sha256: string;
  };
}
/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "TransferAbort".
 */
export interface TransferAbort {
  v: 1;
  id: string;
  type: "transfer.abort";
  data: {
    transfer: string;
  };
}
/**
 * Send a file, from `offset` on.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "TransferFetch".
 */
export interface TransferFetch {
  v: 1;
  id: string;
  type: "transfer.fetch";
  data: {
    transfer: string;
    source: JobFile | ClipFile;
    offset?: number;
  };
}
/**
 * A file of a job: one of its result, or its thumbnail.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobFile".
 */
export interface JobFile {
  job: string;
  file: string;
}
/**
 * A frame that `clip.frame` wrote to this connection.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "ClipFile".
 */
export interface ClipFile {
  grant: string;
  frame: number;
  small?: boolean;
}
/**
 * The client has the bytes of a fetch before `offset`.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "TransferHave".
 */
export interface TransferHave {
  v: 1;
  id: string;
  type: "transfer.ack";
  data: {
    transfer: string;
    offset: number;
  };
}
/**
 * `params` is a `JobParams` object, kept as it came so that its hash can be checked.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobSubmit".
 */
export interface JobSubmit {
  v: 1;
  id: string;
  job: string;
  type: "job.submit";
  data: {
    hash: string;
    params: JobParams;
    priority?: number;
  };
}
/**
 * What a job is asked to do.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobParams".
 */
export interface JobParams {
  grant: string;
  /**
   * @minItems 1
   * @maxItems 64
   */
  keyframes: [KeyframeParams, ...KeyframeParams[]];
  range?: FrameRange1;
  method?: "flow" | "videoshop";
  /**
   * @minItems 1
   * @maxItems 4
   */
  formats?:
    | ["mov" | "mp4" | "mkv" | "png"]
    | ["mov" | "mp4" | "mkv" | "png", "mov" | "mp4" | "mkv" | "png"]
    | ["mov" | "mp4" | "mkv" | "png", "mov" | "mp4" | "mkv" | "png", "mov" | "mp4" | "mkv" | "png"]
    | [
        "mov" | "mp4" | "mkv" | "png",
        "mov" | "mp4" | "mkv" | "png",
        "mov" | "mp4" | "mkv" | "png",
        "mov" | "mp4" | "mkv" | "png"
      ];
  settings?: {
    /**
     * This interface was referenced by `undefined`'s JSON-Schema definition
     * via the `patternProperty` "^[a-z][a-z0-9_.]{0,63}$".
     */
    [k: string]: string;
  };
  seed?: number;
}
/**
 * An edited frame: finished transfers of its pixels and, where there is one, its mask. `frame` None: find it.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "KeyframeParams".
 */
export interface KeyframeParams {
  edited: string;
  frame?: number | null;
  mask?: string | null;
}
/**
 * Source frames [start, stop); stop None means the clip's end.
 */
export interface FrameRange1 {
  start?: number;
  stop?: number | null;
}
/**
 * What would a job of these parameters take? `params` is a `JobParams` object.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobEstimate".
 */
export interface JobEstimate {
  v: 1;
  id: string;
  type: "job.estimate";
  data: {
    params: {
      [k: string]: unknown;
    };
  };
}
/**
 * Let the engine read a file of a job's result, as a clip.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "GrantResult".
 */
export interface GrantResult {
  v: 1;
  id: string;
  job: string;
  type: "grant.result";
  data: {
    file: string;
  };
}
/**
 * A new job with the clip and images of the job `of`; `changes` is a `Changes` object as it came.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobRerun".
 */
export interface JobRerun {
  v: 1;
  id: string;
  job: string;
  type: "job.rerun";
  data: {
    of: string;
    hash: string;
    changes: Changes;
  };
}
/**
 * Tell what happens to the job from now on, and what happened after `since`.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobWatch".
 */
export interface JobWatch {
  v: 1;
  id: string;
  job: string;
  type: "job.watch";
  data: {
    since?: number;
  };
}
/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobCancel".
 */
export interface JobCancel {
  v: 1;
  id: string;
  job: string;
  type: "job.cancel";
  data: {};
}
/**
 * Do not start the job; a running one goes back to its place in the queue.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobHold".
 */
export interface JobHold {
  v: 1;
  id: string;
  job: string;
  type: "job.hold";
  data: {};
}
/**
 * Let a held job run when its turn comes.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobRelease".
 */
export interface JobRelease {
  v: 1;
  id: string;
  job: string;
  type: "job.release";
  data: {};
}
/**
 * Queue a job again that failed, was cancelled or interrupted.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobRetry".
 */
export interface JobRetry {
  v: 1;
  id: string;
  job: string;
  type: "job.retry";
  data: {};
}
/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobPrioritise".
 */
export interface JobPrioritise {
  v: 1;
  id: string;
  job: string;
  type: "job.prioritise";
  data: {
    priority: number;
  };
}
/**
 * Put a job that waits right before another one, or (None) behind the others of its priority.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobMove".
 */
export interface JobMove {
  v: 1;
  id: string;
  job: string;
  type: "job.move";
  data: {
    before: string | null;
  };
}
/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobDescribe".
 */
export interface JobDescribe {
  v: 1;
  id: string;
  job: string;
  type: "job.describe";
  data: {};
}
/**
 * Forget an ended job, with its images and its result.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobRemove".
 */
export interface JobRemove {
  v: 1;
  id: string;
  job: string;
  type: "job.remove";
  data: {};
}
/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobList".
 */
export interface JobList {
  v: 1;
  id: string;
  type: "job.list";
  data: {};
}
/**
 * Ended jobs, newest first; `before` is the last one that is known already.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobHistory".
 */
export interface JobHistory {
  v: 1;
  id: string;
  type: "job.history";
  data: {
    before?: string | null;
    limit?: number;
  };
}
/**
 * Tell what happens to the queue and to every job.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "QueueWatch".
 */
export interface QueueWatch {
  v: 1;
  id: string;
  type: "queue.watch";
  data: {};
}
/**
 * Start no more jobs; `now`: the running one goes back to the queue.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "QueuePause".
 */
export interface QueuePause {
  v: 1;
  id: string;
  type: "queue.pause";
  data: {
    now?: boolean;
  };
}
/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "QueueResume".
 */
export interface QueueResume {
  v: 1;
  id: string;
  type: "queue.resume";
  data: {};
}
/**
 * End engine processes that do nothing.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "EngineRelease".
 */
export interface EngineRelease {
  v: 1;
  id: string;
  type: "engine.release";
  data: {};
}
/**
 * Tell what of the bridge's parts is installed, and whatever changes of it.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "SetupWatch".
 */
export interface SetupWatch {
  v: 1;
  id: string;
  type: "setup.watch";
  data: {};
}
/**
 * Install a part, or bring it up to date, or mend it. `accepted`: the person agreed to its licence.
 * `token`: of the person's account at the models' hub, which is kept nowhere.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "SetupInstall".
 */
export interface SetupInstall {
  v: 1;
  id: string;
  type: "setup.install";
  data: {
    part: string;
    accepted?: boolean;
    token?: string | null;
  };
}
/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "SetupRemove".
 */
export interface SetupRemove {
  v: 1;
  id: string;
  type: "setup.remove";
  data: {
    part: string;
  };
}
/**
 * Stop what is done to a part, or would be done to it next; what was fetched is kept.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "SetupStop".
 */
export interface SetupStop {
  v: 1;
  id: string;
  type: "setup.stop";
  data: {
    part: string;
  };
}
/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "ClipFrameWritten".
 */
export interface ClipFrameWritten {
  v: 1;
  id: string;
  re?: string;
  type: "clip.frame.written";
  data: {
    grant: string;
    frame: number;
    path: string;
  };
}
/**
 * What the clip is; `fps` is a fraction such as "30000/1001".
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "ClipInfo".
 */
export interface ClipInfo {
  v: 1;
  id: string;
  re?: string;
  type: "clip.info";
  data: {
    grant: string;
    frames: number;
    fps: string;
    width: number;
    height: number;
    duration: number;
    codec: string;
    pixel_format: string;
    bits: number;
    constant_rate: boolean;
    interlaced: boolean;
    has_audio: boolean;
    timecode: string | null;
  };
}
/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "EngineReleased".
 */
export interface EngineReleased {
  v: 1;
  id: string;
  re?: string;
  type: "engine.released";
  data: {};
}
/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "Error".
 */
export interface Error {
  v: 1;
  id: string;
  re?: string;
  type: "error";
  data: {
    code: string;
    message: string;
    hint: string;
    retryable: boolean;
    ref: string | null;
  };
}
/**
 * What went wrong, for a person (`message`, `hint`) and for a program (`code`, `retryable`).
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "Fault".
 */
export interface Fault {
  code: string;
  message: string;
  hint: string;
  retryable: boolean;
  ref: string | null;
}
/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "GrantGiven".
 */
export interface GrantGiven {
  v: 1;
  id: string;
  re?: string;
  type: "grant.given";
  data: {
    grant: string;
    name: string;
    size: number;
  };
}
/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "Hello".
 */
export interface Hello {
  v: 1;
  id: string;
  re?: string;
  type: "hello";
  data: {
    protocol_min: number;
    protocol_max: number;
    bridge_version: string;
    instance: string;
    challenge: string;
    features: string[];
    limits: Limits;
  };
}
/**
 * The numbers of `limits.py` that a client must keep.
 */
export interface Limits {
  message: number;
  text: number;
  chunk: number;
  credit: number;
  side: number;
  transfer: number;
  transfers: number;
}
/**
 * The service proves the token in its turn.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "Identified".
 */
export interface Identified {
  v: 1;
  id: string;
  re?: string;
  type: "identified";
  data: {
    hmac: string;
    session: string;
    jobs: Snapshot[];
  };
}
/**
 * A job as it stands after event `seq`. Times are seconds since 1970.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "Snapshot".
 */
export interface Snapshot {
  job: string;
  seq: number;
  state: "queued" | "running" | "done" | "failed" | "cancelled" | "interrupted";
  held: boolean;
  stopping: ("cancel" | "hold" | "pause") | null;
  priority: number;
  attempt: number;
  clip: string;
  method: "flow" | "videoshop";
  host: string;
  stage: ("probe" | "locate" | "plan" | "encode" | "invert" | "generate" | "decode" | "propagate" | "write") | null;
  done: number;
  total: number;
  submitted: number;
  started: number | null;
  ended: number | null;
  message: string | null;
  error: Fault | null;
  result: Result | null;
}
/**
 * Where a finished job's files are: full paths. `files` are names inside `folder`.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "Result".
 */
export interface Result {
  folder: string;
  files: string[];
}
/**
 * The job is kept: it will run though the client leaves.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobAccepted".
 */
export interface JobAccepted {
  v: 1;
  job: string;
  seq: number;
  id: string;
  re?: string;
  type: "job.accepted";
  data: {
    state: "queued" | "running" | "done" | "failed" | "cancelled" | "interrupted";
    held: boolean;
    stopping: ("cancel" | "hold" | "pause") | null;
    priority: number;
    attempt: number;
    clip: string;
    method: "flow" | "videoshop";
    host: string;
    stage: ("probe" | "locate" | "plan" | "encode" | "invert" | "generate" | "decode" | "propagate" | "write") | null;
    done: number;
    total: number;
    submitted: number;
    started: number | null;
    ended: number | null;
    message: string | null;
    error: Fault | null;
    result: Result | null;
  };
}
/**
 * What a job was asked to do: `params` without what names a grant or a transfer.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobDescribed".
 */
export interface JobDescribed {
  v: 1;
  id: string;
  re?: string;
  type: "job.described";
  job: string;
  data: {
    params: {
      [k: string]: unknown;
    };
  };
}
/**
 * What a job would take: `frames` to make in `windows` passes of the method, `seconds`, bytes of `memory`; the
 * source frames [start, stop), and the edited ones as they were given or found.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobEstimated".
 */
export interface JobEstimated {
  v: 1;
  id: string;
  re?: string;
  type: "job.estimated";
  data: {
    frames: number;
    seconds: number;
    memory: number;
    windows: number;
    start: number;
    stop: number;
    keyframes: number[];
  };
}
/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobJobs".
 */
export interface JobJobs {
  v: 1;
  id: string;
  re?: string;
  type: "job.jobs";
  data: {
    jobs: Snapshot[];
  };
}
/**
 * `done` of `total` units of the stage. Newer progress replaces progress that was not sent yet.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobProgress".
 */
export interface JobProgress {
  v: 1;
  id: string;
  re?: string;
  type: "job.progress";
  job: string;
  seq: number;
  data: {
    stage: "probe" | "locate" | "plan" | "encode" | "invert" | "generate" | "decode" | "propagate" | "write";
    done: number;
    total: number;
    frame: number | null;
    message: string | null;
  };
}
/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobRemoved".
 */
export interface JobRemoved {
  v: 1;
  id: string;
  re?: string;
  type: "job.removed";
  job: string;
  data: {};
}
/**
 * The job changed its state or stage. Never dropped.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "JobState".
 */
export interface JobState {
  v: 1;
  job: string;
  seq: number;
  id: string;
  re?: string;
  type: "job.state";
  data: {
    state: "queued" | "running" | "done" | "failed" | "cancelled" | "interrupted";
    held: boolean;
    stopping: ("cancel" | "hold" | "pause") | null;
    priority: number;
    attempt: number;
    clip: string;
    method: "flow" | "videoshop";
    host: string;
    stage: ("probe" | "locate" | "plan" | "encode" | "invert" | "generate" | "decode" | "propagate" | "write") | null;
    done: number;
    total: number;
    submitted: number;
    started: number | null;
    ended: number | null;
    message: string | null;
    error: Fault | null;
    result: Result | null;
  };
}
/**
 * What the person has to agree to: its name, what it says in short, and the address of the text that binds.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "Licence".
 */
export interface Licence {
  name: string;
  rule: string;
  terms: string;
}
/**
 * The numbers of `limits.py` that a client must keep.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "Limits".
 */
export interface Limits1 {
  message: number;
  text: number;
  chunk: number;
  credit: number;
  side: number;
  transfer: number;
  transfers: number;
}
/**
 * `confidence` in [0, 1].
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "Located".
 */
export interface Located {
  v: 1;
  id: string;
  re?: string;
  type: "located";
  data: {
    grant: string;
    frame: number;
    confidence: number;
  };
}
/**
 * A pairing code as it is shown, and the seconds that it is good for.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "PairCode".
 */
export interface PairCode {
  v: 1;
  id: string;
  re?: string;
  type: "pair.code";
  data: {
    code: string;
    seconds: number;
  };
}
/**
 * The service proves the code in its turn; `token` is the token under a pad made from the code.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "Paired".
 */
export interface Paired {
  v: 1;
  id: string;
  re?: string;
  type: "paired";
  data: {
    hmac: string;
    token: string;
  };
}
/**
 * Something that can be installed beside the bridge.
 *
 * `group`: "panels", or the method that needs it. `state`: "elsewhere" (not on this system), "absent", "begun" (an
 * installation was stopped, and goes on where it was), "outdated", "damaged" or "ready". `size`: bytes that it takes,
 * or about will. `note`: what it is here, as which graphics card. `todo`: what the person has to do, a line each.
 * `error`: why it could not be installed last.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "Part".
 */
export interface Part {
  part: string;
  group: "panels" | "videoshop";
  state: "elsewhere" | "absent" | "begun" | "outdated" | "damaged" | "ready";
  size: number | null;
  note: string | null;
  todo: string[];
  licence: Licence | null;
  removable: boolean;
  error: Fault | null;
}
/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "Pong".
 */
export interface Pong {
  v: 1;
  id: string;
  re?: string;
  type: "pong";
  data: {};
}
/**
 * Whether jobs are started, and the jobs that wait, in the order in which they will run.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "QueueState".
 */
export interface QueueState {
  v: 1;
  id: string;
  re?: string;
  type: "queue.state";
  data: {
    paused: boolean;
    order: string[];
  };
}
/**
 * Send chunks from `offset`; at most `credit` of them unacknowledged.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "TransferReady".
 */
export interface TransferReady {
  v: 1;
  id: string;
  re?: string;
  type: "transfer.ready";
  data: {
    transfer: string;
    offset: number;
    credit: number;
  };
}
/**
 * The bytes before `offset` are kept.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "TransferAck".
 */
export interface TransferAck {
  v: 1;
  id: string;
  re?: string;
  type: "transfer.ack";
  data: {
    transfer: string;
    offset: number;
  };
}
/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "TransferDone".
 */
export interface TransferDone {
  v: 1;
  id: string;
  re?: string;
  type: "transfer.done";
  data: {
    transfer: string;
    size: number;
    sha256: string;
  };
}
/**
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "TransferAborted".
 */
export interface TransferAborted {
  v: 1;
  id: string;
  re?: string;
  type: "transfer.aborted";
  data: {
    transfer: string;
  };
}
/**
 * The bytes of a fetched file from `offset` on will follow.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "TransferOffer".
 */
export interface TransferOffer {
  v: 1;
  id: string;
  re?: string;
  type: "transfer.offer";
  data: {
    transfer: string;
    name: string;
    size: number;
    offset: number;
  };
}
/**
 * All bytes of a fetch were sent; `sha256` is of those.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "TransferSent".
 */
export interface TransferSent {
  v: 1;
  id: string;
  re?: string;
  type: "transfer.end";
  data: {
    transfer: string;
    size: number;
    sha256: string;
  };
}
/**
 * The parts, what is done to one of them, and those that wait for it to be over.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "SetupState".
 */
export interface SetupState {
  v: 1;
  id: string;
  re?: string;
  type: "setup.state";
  data: {
    parts: Part[];
    work: Work | null;
    waiting: string[];
  };
}
/**
 * What is done to a part now: `done` of `total` bytes or packages of the phase, 0 of 0 where nothing is counted.
 *
 * This interface was referenced by `Protocol`'s JSON-Schema
 * via the `definition` "Work".
 */
export interface Work {
  part: string;
  doing: "install" | "remove";
  phase: "prepare" | "fetch" | "install" | "verify" | "try";
  done: number;
  total: number;
  unit: "bytes" | "packages";
  note: string | null;
}
