/** Keeps a connection: looks for the bridge, says honestly why there is none, waits, looks again. */

import type { Link, Trouble } from "./api.ts";
import { hex, unhex } from "./bytes.ts";
import { within, type Clock } from "./clock.ts";
import { Connection, type Secret } from "./connection.ts";
import { noConnection, Refusal, unreachable } from "./faults.ts";
import { endedWords, troubleOf, type Who } from "./handshake.ts";
import type { SocketClass } from "./line.ts";
import { pairingCode } from "./proof.ts";
import type { Settings } from "../hosts/host.ts";

/** Name of the setting that keeps the token, as 64 hexadecimal digits. */
export const TOKEN = "bridge.token";

/** A connection that lived so long, in milliseconds, was a good one: the next wait is short again. */
const GOOD = 10_000;

/** How long a page may take to come, in milliseconds: what takes longer is there too. */
const KNOCK = 2_000;

/** Nothing changes here by trying again: the person has to do something first. */
const FINAL: ReadonlySet<Trouble> = new Set<Trouble>(["version", "not_paired", "wrong_code", "not_trusted"]);

/** Seconds to wait after so many failed tries. */
export function backoff(tries: number): number {
  return [1, 2, 5][tries] ?? 10;
}

/** The ports to try, each once: the one that the discovery file names comes first. */
export function candidates(discovered: number | null, listed: readonly number[]): number[] {
  return [...new Set(discovered === null ? listed : [discovered, ...listed])];
}

const GRAVITY: readonly Trouble[] = ["wrong_code", "not_trusted", "version", "not_paired", "closed", "not_running", "port_taken"];

/**
 * What to tell of the refusals of all ports, in the order of the ports. Another program on the first port stands in the
 * way; on a spare one it does not matter while the bridge does not run, but it is mentioned.
 */
export function gravest(refusals: readonly Refusal[]): Refusal {
  const [first] = refusals;
  const weight = ({ trouble }: Refusal): number => GRAVITY.indexOf(trouble);
  const [worst] = [...refusals].sort((one, other) => weight(one) - weight(other));
  if (first === undefined || worst === undefined) {
    return new Refusal("not_running", "There is no port to try.");
  }
  const chosen = worst.trouble === "not_running" && first.trouble === "port_taken" ? first : worst;
  const others = refusals.filter(({ trouble }) => trouble === "port_taken" && trouble !== chosen.trouble);
  return new Refusal(chosen.trouble, [chosen, ...others].map(({ detail }) => detail).join(" "));
}

export interface Way {
  readonly ports: readonly number[];
  readonly who: Who;
  readonly settings: Settings;
  readonly Socket: SocketClass;
  readonly clock: Clock;
  discover(): Promise<{ port: number | null; token: string | null }>;
  /** Whether anything answers HTTP on a port: a socket does not tell why it could not be opened. */
  knock(port: number): Promise<boolean>;
}

interface Waiter {
  resolve(connection: Connection): void;
  reject(error: Error): void;
}

export class Keeper {
  link: Link = { state: "stopped", trouble: "closed", detail: "" };
  private connection: Connection | null = null;
  private answeredOnce = false;
  private tries = 0;
  /** Counts starts and stops: a round that finds another number than its own is over. */
  private round = 0;
  private rouse: () => void = () => undefined;
  private readonly waiters = new Set<Waiter>();

  constructor(
    private readonly way: Way,
    private readonly linked: (link: Link) => void,
    private readonly opened: (connection: Connection) => void,
  ) {}

  start(): void {
    const round = this.leave();
    this.tell({ state: "connecting" });
    void this.keep(round, null);
  }

  stop(): void {
    this.leave();
    this.tell({ state: "stopped", trouble: "closed", detail: "" });
  }

  /** Pairs by a code and keeps the connection and the token. Rejects with BridgeFault. */
  async pair(typed: string): Promise<void> {
    const code = pairingCode(typed);
    if (code === null) {
      throw unreachable("wrong_code");
    }
    const round = this.leave();
    this.tell({ state: "connecting" });
    const found = await this.look({ code });
    if (round !== this.round) {
      this.drop(found);
      throw unreachable("closed");
    }
    if (found instanceof Connection) {
      await this.way.settings.set(TOKEN, hex(found.token), { secret: true });
    }
    void this.keep(round, found);
    if (found instanceof Refusal) {
      throw unreachable(found.trouble);
    }
  }

  /** The connection, now or within some seconds. Rejects with BridgeFault; at once where only the person can help. */
  connected(seconds: number): Promise<Connection> {
    if (this.connection?.open === true) {
      return Promise.resolve(this.connection);
    }
    if (this.link.state === "stopped") {
      return Promise.reject(unreachable(this.link.trouble));
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        resolve: (connection) => over(() => resolve(connection)),
        reject: (error) => over(() => reject(error)),
      };
      const prevent = this.way.clock.after(seconds * 1000, () => {
        waiter.reject(noConnection(seconds, this.link.state === "waiting" ? this.link.trouble : null));
      });
      const over = (then: () => void): void => {
        prevent();
        this.waiters.delete(waiter);
        then();
      };
      this.waiters.add(waiter);
    });
  }

  /** Connects, again and again, until the round is over or only the person can help. */
  private async keep(round: number, first: Connection | Refusal | null): Promise<void> {
    let found = first;
    while (round === this.round) {
      found ??= await this.look(null);
      if (round !== this.round) {
        this.drop(found);
        return;
      }
      const refusal = found instanceof Connection ? await this.lived(found) : found;
      found = null;
      if (round !== this.round) {
        return;
      }
      if (FINAL.has(refusal.trouble)) {
        this.tell({ state: "stopped", trouble: refusal.trouble, detail: refusal.detail });
        return;
      }
      await this.wait(refusal);
    }
  }

  /** Uses a connection until it ends; why it ended. */
  private async lived(connection: Connection): Promise<Refusal> {
    this.connection = connection;
    this.tell({ state: "connected", port: connection.port, version: connection.hello.bridge_version });
    this.opened(connection);
    [...this.waiters].forEach((waiter) => waiter.resolve(connection));
    const prevent = this.way.clock.after(GOOD, () => {
      this.tries = 0;
    });
    const ended = await connection.ended;
    prevent();
    if (this.connection === connection) {
      this.connection = null;
    }
    return new Refusal(troubleOf(ended), endedWords(ended));
  }

  private async wait(refusal: Refusal): Promise<void> {
    const seconds = backoff(this.tries);
    this.tries += 1;
    const { trouble, detail } = refusal;
    const over = new Promise<void>((resolve) => {
      const prevent = this.way.clock.after(seconds * 1000, resolve);
      this.rouse = () => {
        prevent();
        resolve();
      };
    });
    const round = this.round;
    this.tell({ state: "waiting", trouble, detail, seconds });
    await over;
    if (round === this.round) {
      this.tell({ state: "connecting" });
    }
  }

  /** Tries the ports in order. */
  private async look(pairing: { readonly code: string } | null): Promise<Connection | Refusal> {
    const found = await this.way.discover().catch(() => ({ port: null, token: null })); // the ports are tried anyway
    const digits = found.token ?? (await this.way.settings.get(TOKEN).catch(() => null)); // unreadable: pair again
    const token = digits === null ? null : unhex(digits.trim(), 32);
    const secret: Secret = pairing ?? (token === null ? null : { token });
    const refusals: Refusal[] = [];
    for (const port of candidates(found.port, this.way.ports)) {
      const answer = await this.dialled(port, secret);
      if (answer instanceof Connection) {
        this.answeredOnce = true;
        return answer;
      }
      refusals.push(answer);
    }
    const refusal = gravest(refusals);
    this.answeredOnce ||= refusals.some(({ trouble }) => trouble !== "not_running" && trouble !== "port_taken");
    const unheard = !this.answeredOnce && found.port === null && token === null;
    return refusal.trouble === "not_running" && unheard ? new Refusal("not_installed", refusal.detail) : refusal;
  }

  private async dialled(port: number, secret: Secret): Promise<Connection | Refusal> {
    const { who, Socket, clock, knock } = this.way;
    try {
      return await Connection.open(port, secret, who, Socket, clock);
    } catch (error) {
      if (!(error instanceof Refusal)) {
        throw error;
      }
      if (error.trouble !== "not_running") {
        return error;
      }
      const taken = new Refusal("port_taken", `Port ${port} answers, but takes no call from this panel.`);
      const answers = within(clock, KNOCK, knock(port), () => taken).catch(() => true);
      return (await answers) ? taken : error;
    }
  }

  /** Ends the present round; the number of the next one. */
  private leave(): number {
    this.round += 1;
    this.tries = 0;
    this.rouse();
    this.connection?.close();
    this.connection = null;
    return this.round;
  }

  private drop(found: Connection | Refusal): void {
    if (found instanceof Connection) {
      found.close();
    }
  }

  private tell(link: Link): void {
    this.link = link;
    if (link.state === "stopped") {
      [...this.waiters].forEach((waiter) => waiter.reject(unreachable(link.trouble)));
    }
    this.linked(link);
  }
}

/** Asks a port for its page, without reading the answer. */
export async function knock(port: number): Promise<boolean> {
  if (typeof globalThis.fetch !== "function") {
    return false;
  }
  try {
    await globalThis.fetch(`http://localhost:${port}/`, { mode: "no-cors", cache: "no-store" });
    return true;
  } catch {
    return false; // refused, or not allowed to ask: nothing is known of it
  }
}
