/** A socket that was dialled: messages out, messages in, its end. It trusts nobody and knows no handshake. */

import { within, type Clock } from "./clock.ts";
import { Lost, Refusal } from "./faults.ts";
import type { ServerMessage } from "./generated.ts";
import { fromText, parsed, ProtocolError } from "./protocol.ts";

export type SocketClass = typeof globalThis.WebSocket;
export type Binary = ReturnType<typeof parsed>;

export interface Ended {
  readonly code: number;
  readonly reason: string;
}

/** How long a socket may take to open, in milliseconds. */
const PATIENCE = 5_000;

const OPEN = 1;

/** Keeps what comes until it is read by `next`, or by `hear`, which passes everything on from then. */
export class Line {
  readonly ended: Promise<Ended>;
  /** Whether what came was so far messages of the protocol. */
  sound = true;
  private readonly unread: (ServerMessage | Binary)[] = [];
  private taken: ((message: ServerMessage | Binary) => void) | null = null;
  private closed = false;
  private end: (ended: Ended) => void = () => undefined;

  private constructor(private readonly socket: WebSocket) {
    socket.onmessage = (event: MessageEvent<unknown>) => this.take(event.data);
    socket.onclose = (event) => this.over({ code: event.code, reason: event.reason });
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  /** Dials the bridge's address on a port. Rejects with a Refusal: `not_running` when nothing is there. */
  static async dial(port: number, Socket: SocketClass, clock: Clock): Promise<Line> {
    const socket = new Socket(`ws://localhost:${port}/bridge`);
    socket.binaryType = "arraybuffer";
    const line = new Line(socket);
    const opened = new Promise<void>((resolve, reject) => {
      const refused = (): void => reject(new Refusal("not_running", `Nothing answers on port ${port}.`));
      socket.onopen = () => resolve();
      socket.onerror = refused;
      void line.ended.then(refused);
    });
    try {
      await within(clock, PATIENCE, opened, () => {
        return new Refusal("port_taken", `Port ${port} takes calls but does not answer.`);
      });
      return line;
    } catch (error) {
      line.close();
      throw error;
    }
  }

  get open(): boolean {
    return !this.closed && this.socket.readyState === OPEN;
  }

  /** Bytes that were sent and are still with us. */
  get buffered(): number {
    return this.socket.bufferedAmount;
  }

  /** Throws Lost when the socket is not open any more. */
  send(message: string | Uint8Array<ArrayBuffer>): void {
    if (!this.open) {
      throw new Lost();
    }
    this.socket.send(message);
  }

  /** Ends the line at once, without waiting for a peer that may be gone. */
  close(reason = ""): void {
    this.over({ code: 1000, reason });
    this.socket.close(1000);
  }

  /** The next message; rejects with Lost when the line ends before it comes, with ProtocolError when it is binary. */
  async next(): Promise<ServerMessage> {
    const message = this.unread.shift() ?? (await Promise.race([this.coming(), this.ended]));
    this.taken = null;
    if ("type" in message) {
      return message;
    }
    throw "payload" in message ? new ProtocolError("a chunk came before the handshake ended") : new Lost();
  }

  /** Passes on what was not read yet and everything that comes. */
  hear(heard: (message: ServerMessage | Binary) => void): void {
    this.unread.splice(0).forEach(heard);
    this.taken = heard;
  }

  private over(ended: Ended): void {
    this.closed = true;
    this.end(ended);
  }

  private coming(): Promise<ServerMessage | Binary> {
    return new Promise((resolve) => {
      this.taken = (message) => {
        this.taken = null;
        resolve(message);
      };
    });
  }

  /** What is no message ends the line: nothing after it can be believed. */
  private take(data: unknown): void {
    if (this.closed) {
      return;
    }
    let message: ServerMessage | Binary | null;
    try {
      message = read(data);
    } catch (error) {
      if (!(error instanceof ProtocolError)) {
        throw error;
      }
      this.sound = false;
      this.close();
      return;
    }
    if (message === null) {
      return;
    }
    if (this.taken === null) {
      this.unread.push(message);
    } else {
      this.taken(message);
    }
  }
}

function read(data: unknown): ServerMessage | Binary | null {
  if (typeof data === "string") {
    return fromText(data);
  }
  if (isBuffer(data)) {
    return parsed(new Uint8Array(data));
  }
  throw new ProtocolError("a message is neither text nor bytes");
}

/** A host may make its messages in another realm, where ArrayBuffer is another class. */
function isBuffer(data: unknown): data is ArrayBuffer {
  return Object.prototype.toString.call(data) === "[object ArrayBuffer]";
}
