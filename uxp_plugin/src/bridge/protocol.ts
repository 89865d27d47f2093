/** What travels: text messages in their envelope, binary chunks behind their header (PROTOCOL.md). */

import { joined, uuidBytes, uuidText } from "./bytes.ts";
import type { ClientMessage, ServerMessage } from "./generated.ts";

export const PROTOCOL = 1;

/** For each question of ours the types of its answer; `error` may answer any. */
export const ANSWERS = {
  "ping": ["pong"],
  "pair.open": ["pair.code"],
  "grant.clip": ["grant.given"],
  "clip.probe": ["clip.info"],
  "clip.frame": ["clip.frame.written"],
  "clip.begin": ["transfer.ready"],
  "grant.upload": ["grant.given"],
  "grant.result": ["grant.given"],
  "locate": ["located"],
  "transfer.begin": ["transfer.ready"],
  "transfer.end": ["transfer.done"],
  "transfer.abort": ["transfer.aborted"],
  "transfer.fetch": ["transfer.offer"],
  "job.submit": ["job.accepted"],
  "job.estimate": ["job.estimated"],
  "job.rerun": ["job.accepted"],
  "job.watch": ["job.state", "job.progress"],
  "job.cancel": ["job.state"],
  "job.hold": ["job.state"],
  "job.release": ["job.state"],
  "job.retry": ["job.state"],
  "job.prioritise": ["job.state"],
  "job.move": ["job.state"],
  "job.describe": ["job.described"],
  "job.remove": ["job.removed"],
  "job.list": ["job.jobs"],
  "job.history": ["job.jobs"],
  "queue.watch": ["queue.state"],
  "queue.pause": ["queue.state"],
  "queue.resume": ["queue.state"],
  "engine.release": ["engine.released"],
  "setup.watch": ["setup.state"],
  "setup.install": ["setup.state"],
  "setup.remove": ["setup.state"],
  "setup.stop": ["setup.state"],
  "bridge.end": ["bridge.ending"],
} as const satisfies Partial<Record<ClientMessage["type"], readonly ServerMessage["type"][]>>;

export type Said = ClientMessage["type"];
export type Question = keyof typeof ANSWERS;
export type Data<T extends Said> = Extract<ClientMessage, { type: T }>["data"];
export type Answer<Q extends Question> = Extract<ServerMessage, { type: (typeof ANSWERS)[Q][number] }>;

/** What is no message, or no chunk, of this protocol. */
export class ProtocolError extends Error {
  constructor(what: string) {
    super(`Not as the protocol says: ${what}.`);
    this.name = "ProtocolError";
  }
}

/** The text of a message; `job` for messages about one job. */
export function toText<T extends Said>(type: T, id: string, data: Data<T>, job?: string): string {
  return JSON.stringify(job === undefined ? { v: PROTOCOL, type, id, data } : { v: PROTOCOL, type, id, job, data });
}

/**
 * A message of the bridge; null for one of a type that a newer bridge may know and we do not. Throws ProtocolError for
 * what is no envelope. The members of `data` are believed: only a bridge that proved the token is heard at length.
 */
export function fromText(text: string): ServerMessage | null {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    throw new ProtocolError("it is not JSON");
  }
  if (!isObject(said) || said["v"] !== PROTOCOL || typeof said["type"] !== "string" || typeof said["id"] !== "string") {
    throw new ProtocolError("it is no envelope");
  }
  if (!isObject(said["data"]) || ("re" in said && typeof said["re"] !== "string")) {
    throw new ProtocolError("its envelope is damaged");
  }
  const aboutJob = ABOUT_JOBS.has(said["type"]);
  if (aboutJob && typeof said["job"] !== "string") {
    throw new ProtocolError("it does not name its job");
  }
  return isKnown(said) ? said : null;
}

const ABOUT_JOBS: ReadonlySet<string> = new Set([
  "job.accepted",
  "job.state",
  "job.progress",
  "job.described",
  "job.removed",
]);

const KNOWN: ReadonlySet<string> = new Set<string>([
  ...Object.values(ANSWERS).flat(),
  ...(["hello", "identified", "paired", "transfer.ack", "transfer.end", "error"] satisfies ServerMessage["type"][]),
]);

function isKnown(said: object): said is ServerMessage {
  return "type" in said && typeof said.type === "string" && KNOWN.has(said.type);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// Binary

/** Bytes before the payload of a binary message. */
export const HEADER = 36;

const MAGIC = 0x56534231;
const KINDS = ["chunk", "preview"] as const;

export interface Header {
  readonly kind: (typeof KINDS)[number];
  /** UUID of the transfer, or of the job. */
  readonly owner: string;
  /** Number of the chunk, or index of the previewed frame. */
  readonly chunk: number;
  readonly offset: number;
}

/** Writes a header into the first bytes of a message. Throws ProtocolError for an owner that is no UUID. */
export function putHeader(message: Uint8Array, header: Header): void {
  const owner = uuidBytes(header.owner);
  if (owner === null) {
    throw new ProtocolError("the owner is no UUID");
  }
  const view = new DataView(message.buffer, message.byteOffset, HEADER);
  view.setUint32(0, MAGIC);
  view.setUint32(4, (KINDS.indexOf(header.kind) + 1) << 24);
  message.set(owner, 8);
  view.setUint32(24, header.chunk);
  view.setUint32(28, Math.floor(header.offset / 2 ** 32));
  view.setUint32(32, header.offset % 2 ** 32);
}

/** A binary message: header and payload in one piece. */
export function packed(header: Header, payload: Uint8Array): Uint8Array {
  const message = joined(new Uint8Array(HEADER), payload);
  putHeader(message, header);
  return message;
}

/** The header and the payload (a view) of a binary message. Throws ProtocolError. */
export function parsed(message: Uint8Array): Header & { readonly payload: Uint8Array } {
  if (message.length <= HEADER) {
    throw new ProtocolError("a chunk is too short");
  }
  const view = new DataView(message.buffer, message.byteOffset, HEADER);
  const kind = KINDS[view.getUint8(4) - 1];
  if (view.getUint32(0) !== MAGIC || kind === undefined || (view.getUint32(4) & 0xffffff) !== 0) {
    throw new ProtocolError("a chunk has another header");
  }
  const offset = view.getUint32(28) * 2 ** 32 + view.getUint32(32);
  if (!Number.isSafeInteger(offset)) {
    throw new ProtocolError("a chunk's offset is too large");
  }
  const owner = uuidText(message.subarray(8, 24));
  return { kind, owner, chunk: view.getUint32(24), offset, payload: message.subarray(HEADER) };
}
