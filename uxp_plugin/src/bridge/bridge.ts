/** The bridge over a WebSocket. */

import { BridgeFault, type Bridge, type Estimate, type Events, type Link, type PairingCode } from "./api.ts";
import { paramsHash } from "./canonical.ts";
import { systemClock, type Clock } from "./clock.ts";
import type { Connection } from "./connection.ts";
import { Lost, unreachable } from "./faults.ts";
import { freshUuid } from "./fresh.ts";
import type { Changes, ClipInfo, JobParams, ServerMessage } from "./generated.ts";
import { Grants } from "./grants.ts";
import { caughtUp, known, told, without, type Jobs, type Told } from "./jobs.ts";
import type { SocketClass } from "./line.ts";
import { Keeper, knock } from "./reconnect.ts";
import { Download, filed, pictured, upload } from "./transfer.ts";
import type { Picture, Settings } from "../hosts/host.ts";

export interface Options {
  /** The bridge's ports, to be tried in this order after the one that `discover` tells. */
  readonly ports: readonly number[];
  /** The host's name, 1–64 characters: the bridge shows it beside the jobs. */
  readonly host: string;
  readonly settings: Settings;
  /** UUID of this installation. */
  readonly clientId: string;
  /** Defaults to the global one. */
  readonly WebSocket?: SocketClass;
  readonly clock?: Clock;
  /** Seconds that a question waits for a connection. */
  readonly patience?: number;
  discover(): Promise<{ port: number | null; token: string | null }>;
  /** Whether anything answers HTTP on a port; defaults to asking with `fetch`. */
  knock?(port: number): Promise<boolean>;
}

export function connectBridge(options: Options): Bridge {
  return new SocketBridge(options);
}

/** Connections that may be lost in the middle of one thing before it is given up. */
const TRIES = 5;

type Heard = { [K in keyof Events]: Set<Events[K]> };

class SocketBridge implements Bridge {
  private readonly keeper: Keeper;
  private readonly clock: Clock;
  private readonly patience: number;
  private readonly grants = new Grants();
  private readonly heard: Heard = {
    link: new Set(),
    job: new Set(),
    removed: new Set(),
    queue: new Set(),
    preview: new Set(),
    setup: new Set(),
  };
  private jobs: Jobs = new Map();

  constructor(options: Options) {
    this.clock = options.clock ?? systemClock;
    this.patience = options.patience ?? 15;
    const way = {
      ports: options.ports,
      who: { host: options.host.slice(0, 64), client: options.clientId },
      settings: options.settings,
      Socket: options.WebSocket ?? globalThis.WebSocket,
      clock: this.clock,
      discover: () => options.discover(),
      knock: (port: number) => options.knock?.(port) ?? knock(port),
    };
    this.keeper = new Keeper(
      way,
      (link) => this.heard.link.forEach((hear) => hear(link)),
      (connection) => this.catchUp(connection),
    );
  }

  get link(): Link {
    return this.keeper.link;
  }

  on<K extends keyof Events>(event: K, heard: Events[K]): () => void {
    const all: Set<Events[K]> = this.heard[event];
    all.add(heard);
    return () => all.delete(heard);
  }

  start(): void {
    this.keeper.start();
  }

  stop(): void {
    this.keeper.stop();
  }

  pair(code: string): Promise<void> {
    return this.keeper.pair(code);
  }

  // Clips and pictures

  grant(path: string): Promise<string> {
    return this.again((connection) => this.grants.give(connection, (on) => on.ask("grant.clip", { path })));
  }

  grantResult(job: string, file: string): Promise<string> {
    return this.again((connection) => this.grants.give(connection, (on) => on.ask("grant.result", { file }, job)));
  }

  upload(name: string, file: Blob, progress: (done: number) => void): Promise<string> {
    const transfer = freshUuid();
    return this.again(async (connection) => {
      await upload(connection, transfer, filed(name, file), this.clock, progress);
      return (await connection.ask("grant.upload", { transfer })).data.grant;
    });
  }

  probe(grant: string): Promise<ClipInfo> {
    return this.again(async (connection) => {
      return connection.ask("clip.probe", { grant: await this.grants.name(connection, grant) });
    });
  }

  frame(grant: string, index: number, small: boolean): Promise<Uint8Array> {
    return this.again(async (connection) => {
      const name = await this.grants.name(connection, grant);
      const source = { grant: name, frame: index, small };
      await connection.ask("clip.frame", source);
      return new Download(source).from(connection);
    });
  }

  locate(grant: string, edited: string): Promise<{ frame: number; confidence: number }> {
    return this.again(async (connection) => {
      const name = await this.grants.name(connection, grant);
      const { frame, confidence } = (await connection.ask("locate", { grant: name, edited })).data;
      return { frame, confidence };
    });
  }

  async send(picture: Picture, progress: (done: number) => void = () => undefined): Promise<string> {
    const transfer = freshUuid();
    await this.again((connection) => upload(connection, transfer, pictured(picture), this.clock, progress));
    return transfer;
  }

  fetch(job: string, file: string, progress?: (done: number, size: number) => void): Promise<Uint8Array> {
    const download = new Download({ job, file }, progress);
    return this.again((connection) => download.from(connection));
  }

  // Jobs

  estimate(params: JobParams): Promise<Estimate> {
    return this.again(async (connection) => {
      const grant = await this.grants.name(connection, params.grant);
      const { frames, seconds, memory } = (await connection.ask("job.estimate", { params: { ...params, grant } })).data;
      return { frames, seconds, memory };
    });
  }

  async submit(params: JobParams, priority = 0): Promise<string> {
    const job = freshUuid();
    const grant = (connection: Connection): Promise<string> => this.grants.name(connection, params.grant);
    const ask = (connection: Connection, sent: JobParams): Promise<unknown> => {
      return connection.ask("job.submit", { hash: paramsHash(sent), params: sent, priority }, job);
    };
    let sent: JobParams | null = null;
    await this.again(async (connection) => {
      const before: JobParams | null = sent;
      sent ??= { ...params, grant: await grant(connection) };
      try {
        await ask(connection, sent);
      } catch (error) {
        if (before === null || !isFault(error, "grant.unknown")) {
          throw error;
        }
        sent = { ...params, grant: await grant(connection) }; // the first did not arrive: it may be said in other words
        await ask(connection, sent);
      }
    });
    return job;
  }

  async rerun(of: string, changes: Record<string, unknown>): Promise<string> {
    const job = freshUuid();
    const hash = paramsHash({ of, changes });
    const asked: Changes = changes;
    await this.again((connection) => connection.ask("job.rerun", { of, hash, changes: asked }, job));
    return job;
  }

  async cancel(job: string): Promise<void> {
    await this.again((connection) => connection.ask("job.cancel", {}, job));
  }

  async retry(job: string): Promise<void> {
    await this.again((connection) => connection.ask("job.retry", {}, job));
  }

  async hold(job: string): Promise<void> {
    await this.again((connection) => connection.ask("job.hold", {}, job));
  }

  async release(job: string): Promise<void> {
    await this.again((connection) => connection.ask("job.release", {}, job));
  }

  async move(job: string, before: string | null): Promise<void> {
    await this.again((connection) => connection.ask("job.move", { before }, job));
  }

  /** A job that is not known when this is said again was removed by the first time. */
  async remove(job: string): Promise<void> {
    let said = false;
    await this.again(async (connection) => {
      const again = said;
      said = true;
      try {
        await connection.ask("job.remove", {}, job);
      } catch (error) {
        if (!again || !isFault(error, "job.unknown")) {
          throw error;
        }
        this.take(without(this.jobs, job));
      }
    });
  }

  async describe(job: string): Promise<Record<string, unknown>> {
    return (await this.again((connection) => connection.ask("job.describe", {}, job))).data.params;
  }

  async pause(now: boolean): Promise<void> {
    await this.again((connection) => connection.ask("queue.pause", { now }));
  }

  async resume(): Promise<void> {
    await this.again((connection) => connection.ask("queue.resume", {}));
  }

  // Setup

  async watchSetup(): Promise<void> {
    await this.again((connection) => connection.ask("setup.watch", {}));
  }

  async setUp(part: string, accepted: boolean, token: string | null): Promise<void> {
    await this.again((connection) => connection.ask("setup.install", { part, accepted, token }));
  }

  async takeAway(part: string): Promise<void> {
    await this.again((connection) => connection.ask("setup.remove", { part }));
  }

  async stopSetUp(part: string): Promise<void> {
    await this.again((connection) => connection.ask("setup.stop", { part }));
  }

  async pairingCode(): Promise<PairingCode> {
    const { code, seconds } = (await this.again((connection) => connection.ask("pair.open", {}))).data;
    return { code, seconds };
  }

  /** Does something that may be done twice, with the next connection when one is lost in the middle of it. */
  private async again<T>(act: (connection: Connection) => Promise<T>): Promise<T> {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const connection = await this.keeper.connected(this.patience);
      try {
        return await act(connection);
      } catch (error) {
        if (!(error instanceof Lost)) {
          throw error;
        }
      }
    }
    throw unreachable("closed");
  }

  // News

  /** Each job that is watched tells what was missed; only then the queue is, or newer news would come before it. */
  private catchUp(connection: Connection): void {
    connection.listen({
      news: (message) => this.hear(message),
      preview: (preview) => this.heard.preview.forEach((hear) => hear(preview)),
    });
    const { fresh, watch } = caughtUp(this.jobs, connection.identified.jobs);
    fresh.forEach((snapshot) => this.take(known(this.jobs, snapshot)));
    for (const { job, since } of watch) {
      connection.ask("job.watch", { since }, job).catch((error: unknown) => {
        if (isFault(error, "job.unknown")) {
          this.take(without(this.jobs, job));
        } else {
          surviving(error);
        }
      });
    }
    connection.ask("queue.watch", {}).catch(surviving);
  }

  private hear(message: ServerMessage): void {
    switch (message.type) {
      case "job.accepted":
      case "job.state":
      case "job.progress":
      case "job.removed":
        this.take(told(this.jobs, message));
        break;
      case "queue.state":
        this.heard.queue.forEach((hear) => hear(message.data.paused, message.data.order));
        break;
      case "setup.state":
        this.heard.setup.forEach((hear) => hear(message.data));
    }
  }

  private take({ jobs, changed, removed }: Told): void {
    this.jobs = jobs;
    if (changed !== null) {
      this.heard.job.forEach((hear) => hear(changed));
    }
    if (removed !== null) {
      this.heard.removed.forEach((hear) => hear(removed));
    }
  }
}

function isFault(error: unknown, code: string): boolean {
  return error instanceof BridgeFault && error.fault.code === code;
}

/** A lost connection is caught up by the next one; anything else is a fault of ours. */
function surviving(error: unknown): void {
  if (!(error instanceof Lost)) {
    throw error;
  }
}
