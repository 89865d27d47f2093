/** A connection that both sides trust: questions and their answers, transfers, news, and whether it still lives. */

import { BridgeFault, type Preview } from "./api.ts";
import type { Clock } from "./clock.ts";
import { Lost, misunderstood, Refusal } from "./faults.ts";
import type { Hello, Identified, ServerMessage } from "./generated.ts";
import { greeted, identified, paired, type Who } from "./handshake.ts";
import { Line, type Binary, type Ended, type SocketClass } from "./line.ts";
import { ANSWERS, toText, type Answer, type Data, type Question } from "./protocol.ts";

/** Milliseconds between two pings, and how many of them may stay without any sign of life. Counted in pings and not by
 * the clock, since a modal dialog of the host stops both. */
const PING = 20_000;
const SILENT = 3;

/** How this host proves itself: the token, or the code that the person typed; null: not at all yet. */
export type Secret = { readonly token: Uint8Array } | { readonly code: string } | null;

/** A transfer under way: hears what concerns it. Each is called at any time; `failed` at most once. */
export interface Flight {
  offered?(name: string, size: number, offset: number): void;
  acknowledged?(offset: number): void;
  chunk?(offset: number, payload: Uint8Array): void;
  sent?(size: number, sha256: string): void;
  failed(error: Error): void;
}

export interface Listener {
  news(message: ServerMessage): void;
  preview(preview: Preview): void;
}

interface Waiting {
  readonly question: Question;
  answer(message: ServerMessage): void;
  fail(error: Error): void;
}

export class Connection {
  readonly ended: Promise<Ended>;
  private readonly waiting = new Map<string, Waiting>();
  private readonly flights = new Map<string, Flight>();
  private listener: Listener | null = null;
  private early: (ServerMessage | Preview)[] = [];
  private count = 0;
  private silent = 0;
  private preventPing: () => void;

  private constructor(
    private readonly line: Line,
    private readonly clock: Clock,
    readonly port: number,
    readonly hello: Hello["data"],
    readonly identified: Identified["data"],
    readonly token: Uint8Array,
  ) {
    this.preventPing = clock.after(PING, () => this.ping());
    this.ended = line.ended.then((ended) => {
      this.giveUp();
      return ended;
    });
    line.hear((message) => this.take(message));
  }

  /** Dials, proves the secret, and lets the bridge prove it. Rejects with a Refusal. */
  static async open(port: number, secret: Secret, who: Who, Socket: SocketClass, clock: Clock): Promise<Connection> {
    const line = await Line.dial(port, Socket, clock);
    try {
      const greeting = await greeted(line, port, clock);
      if (secret === null) {
        throw new Refusal("not_paired", `The bridge on port ${port} waits for a pairing code.`);
      }
      const token = "token" in secret ? secret.token : await paired(line, greeting, secret.code, who, clock);
      const proven = await identified(line, greeting, token, who, clock);
      return new Connection(line, clock, port, greeting.hello, proven, token);
    } catch (error) {
      line.close();
      throw error instanceof Lost ? new Refusal("closed", `The bridge on port ${port} hung up.`) : error;
    }
  }

  get open(): boolean {
    return this.line.open;
  }

  get buffered(): number {
    return this.line.buffered;
  }

  close(): void {
    this.line.close();
  }

  /** Rejects with BridgeFault for what the bridge refuses, with Lost when the connection ends before it answers. */
  ask<Q extends Question>(question: Q, data: Data<Q>, job?: string): Promise<Answer<Q>> {
    this.count += 1;
    const id = `c${this.count}`;
    return new Promise((resolve, reject) => {
      const expected: readonly string[] = ANSWERS[question];
      const isAnswer = (message: ServerMessage): message is Answer<Q> => expected.includes(message.type);
      this.waiting.set(id, {
        question,
        answer: (message) => (isAnswer(message) ? resolve(message) : reject(misunderstood(question, message.type))),
        fail: reject,
      });
      try {
        this.line.send(toText(question, id, data, job));
      } catch (error) {
        this.waiting.delete(id);
        reject(error);
      }
    });
  }

  /** Throws Lost. */
  sendChunk(message: Uint8Array<ArrayBuffer>): void {
    this.line.send(message);
  }

  /** Says how many bytes of a fetch are here, if somebody is still there to hear it. */
  acknowledge(transfer: string, offset: number): void {
    this.count += 1;
    if (this.line.open) {
      this.line.send(toText("transfer.ack", `c${this.count}`, { transfer, offset }));
    }
  }

  /** Lets a transfer hear what concerns it; returns how to stop. */
  follow(transfer: string, flight: Flight): () => void {
    this.flights.set(transfer, flight);
    return () => this.flights.delete(transfer);
  }

  /** Passes on the news of jobs, the queue and the setup, also those that came before. */
  listen(listener: Listener): void {
    this.listener = listener;
    this.early.splice(0).forEach((news) => this.tell(news));
  }

  private take(message: ServerMessage | Binary): void {
    this.silent = 0;
    if ("type" in message) {
      this.takeText(message);
    } else if (message.kind === "preview") {
      this.tell({ job: message.owner, frame: message.chunk, jpeg: message.payload });
    } else {
      this.flights.get(message.owner)?.chunk?.(message.offset, message.payload);
    }
  }

  private takeText(message: ServerMessage): void {
    const re = message.re ?? "";
    const waiting = this.waiting.get(re);
    switch (message.type) {
      case "transfer.ack":
        this.flights.get(message.data.transfer)?.acknowledged?.(message.data.offset);
        return;
      case "transfer.end":
        this.flights.get(message.data.transfer)?.sent?.(message.data.size, message.data.sha256);
        return;
      case "transfer.offer":
        this.flights.get(message.data.transfer)?.offered?.(message.data.name, message.data.size, message.data.offset);
        waiting?.answer(message);
        break;
      case "error": {
        const fault = new BridgeFault(message.data);
        waiting?.fail(fault);
        this.flights.get(re.replace(/^transfer:/, ""))?.failed(fault);
        break;
      }
      case "job.accepted":
      case "job.state":
      case "job.progress":
      case "job.removed":
      case "queue.state":
      case "setup.state":
        this.tell(message);
        waiting?.answer(message);
        break;
      default:
        waiting?.answer(message);
    }
    this.waiting.delete(re);
  }

  private tell(news: ServerMessage | Preview): void {
    if (this.listener === null) {
      this.early.push(news);
    } else if ("jpeg" in news) {
      this.listener.preview(news);
    } else {
      this.listener.news(news);
    }
  }

  private ping(): void {
    if (this.silent >= SILENT) {
      this.line.close(`no sign of life for ${(SILENT * PING) / 1000} seconds`);
      return;
    }
    this.silent += 1;
    this.ask("ping", {}).catch((error: unknown) => {
      if (!(error instanceof Lost)) {
        throw error;
      }
    });
    this.preventPing = this.clock.after(PING, () => this.ping());
  }

  private giveUp(): void {
    this.preventPing();
    const waiting = [...this.waiting.values()];
    const flights = [...this.flights.values()];
    this.waiting.clear();
    this.flights.clear();
    waiting.forEach((each) => each.fail(new Lost()));
    flights.forEach((each) => each.failed(new Lost()));
  }
}
