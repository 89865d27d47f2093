/** A panel's side of a bridge under test: settings in memory, sockets that can be cut, what was heard. */

import type { TestContext } from "node:test";
import { WebSocket } from "ws";
import type { Bridge, Events, Link } from "../../src/bridge/api.ts";
import { connectBridge, type Options } from "../../src/bridge/bridge.ts";
import type { Snapshot } from "../../src/bridge/generated.ts";
import type { SocketClass } from "../../src/bridge/line.ts";
import type { Picture, Settings } from "../../src/hosts/host.ts";

export class MemorySettings implements Settings {
  readonly kept = new Map<string, string>();
  readonly secrets = new Set<string>();

  async get(name: string): Promise<string | null> {
    return this.kept.get(name) ?? null;
  }

  async set(name: string, value: string, options?: { secret?: boolean }): Promise<void> {
    this.kept.set(name, value);
    if (options?.secret === true) {
      this.secrets.add(name);
    }
  }

  async remove(name: string): Promise<void> {
    this.kept.delete(name);
  }
}

/** The sockets that were opened, to be cut as a cable is: without a closing word. */
export class Sockets {
  readonly opened: WebSocket[] = [];
  /** Whether the socket is cut in place of sending a text. */
  cutSending: (text: string) => boolean = () => false;
  /** Whether the socket is cut in place of hearing a text that the bridge did send. */
  cutHearing: (text: string) => boolean = () => false;

  get Socket(): SocketClass {
    const sockets = this;
    class Cuttable extends WebSocket {
      constructor(address: string) {
        super(address, { perMessageDeflate: false });
        sockets.opened.push(this);
      }

      override send(data: string | Uint8Array): void {
        if (typeof data === "string" && sockets.cutSending(data)) {
          this.terminate();
        } else {
          super.send(data);
        }
      }

      override emit(event: string, ...told: unknown[]): boolean {
        if (event === "message" && sockets.cutHearing(String(told[0]))) {
          this.terminate();
          return true;
        }
        return super.emit(event, ...told);
      }
    }
    return Cuttable as unknown as SocketClass;
  }

  cut(): void {
    this.opened.at(-1)?.terminate();
  }
}

export interface Panel {
  readonly bridge: Bridge;
  readonly settings: MemorySettings;
  readonly sockets: Sockets;
  readonly links: Link[];
  readonly told: Snapshot[];
  /** Resolves when the link is as wanted, now or later. */
  linked<S extends Link["state"]>(state: S): Promise<Extract<Link, { state: S }>>;
  /** Resolves with the first snapshot of a job, told already or later, that is as wanted. */
  job(id: string, wanted: (snapshot: Snapshot) => boolean): Promise<Snapshot>;
}

export const CLIENT = "c11e0000-0000-4000-8000-000000000006";

/** A panel that is stopped when the test ends. */
export function panel(test: TestContext, options: Partial<Options> & { port: number; token?: string | null }): Panel {
  const settings = new MemorySettings();
  const sockets = new Sockets();
  const { port, token = null, ...more } = options;
  const bridge = connectBridge({
    ports: [port],
    host: "Test",
    settings,
    clientId: CLIENT,
    WebSocket: sockets.Socket,
    discover: async () => ({ port: null, token }),
    ...more,
  });
  test.after(() => bridge.stop());
  const links: Link[] = [];
  const told: Snapshot[] = [];
  bridge.on("link", (link) => links.push(link));
  bridge.on("job", (snapshot) => told.push(snapshot));
  return {
    bridge,
    settings,
    sockets,
    links,
    told,
    linked: (state) => {
      type Wanted = Extract<Link, { state: typeof state }>;
      const wanted = (link: Link): link is Wanted => link.state === state;
      return wanted(bridge.link) ? Promise.resolve(bridge.link) : heard(bridge, "link", wanted);
    },
    job: async (id, wanted) => {
      const right = (snapshot: Snapshot): snapshot is Snapshot => snapshot.job === id && wanted(snapshot);
      return told.find(right) ?? heard(bridge, "job", right);
    },
  };
}

type Single = "link" | "job" | "preview" | "removed";

/** The next news of a kind that is as wanted. */
export function heard<K extends Single, W extends Parameters<Events[K]>[0]>(
  bridge: Bridge,
  event: K,
  wanted: (news: Parameters<Events[K]>[0]) => news is W,
): Promise<W> {
  return new Promise((resolve) => {
    const hear = (news: Parameters<Events[K]>[0]): void => {
      if (wanted(news)) {
        off();
        resolve(news);
      }
    };
    const off = bridge.on(event, hear as Events[K]);
  });
}

/** A picture of noise-like bytes in bands of any sizes, each good until the next; `read` counts how often they were asked for. */
export function picture(width: number, height: number, band: (index: number) => number): Picture & { read: number } {
  const size = width * height * 4;
  return {
    kind: "raw",
    size,
    width,
    height,
    channels: 4,
    bits: 8,
    profile: "sRGB",
    read: 0,
    async *bands() {
      this.read += 1;
      let rows = new Uint8Array();
      for (let offset = 0, index = 0; offset < size; index += 1) {
        const length = Math.min(band(index), size - offset);
        rows = rows.length === length ? rows : new Uint8Array(length);
        for (let at = 0; at < rows.length; at += 1) {
          rows[at] = ((offset + at) * 2654435761) >>> 24;
        }
        yield rows;
        offset += rows.length;
      }
    },
  };
}
