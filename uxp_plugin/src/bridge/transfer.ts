/** Pictures and clips to the bridge and files from it, in chunks, with no more in memory than is on its way. */

import { sha256 } from "@noble/hashes/sha2.js";
import type { Picture } from "../hosts/host.ts";
import { hex } from "./bytes.ts";
import { slept, type Clock } from "./clock.ts";
import type { Connection, Flight } from "./connection.ts";
import { damaged, Lost, sizeDiffers } from "./faults.ts";
import { freshUuid } from "./fresh.ts";
import type { ClipFile, JobFile, TransferReady } from "./generated.ts";
import { HEADER, putHeader } from "./protocol.ts";

/** Most bytes of a chunk that we send; the bridge may want smaller ones. */
const CHUNK = 512 << 10;

/** Most characters of a clip's name. */
const NAME = 128;

/** Bytes that may wait in the socket; UXP closes one that cannot take more. */
const BUFFERED = 4 << 20;
const BREATH = 10;

/** What is sent: how it is announced, and its bytes in pieces, each good until the next is asked for. */
export interface Cargo {
  readonly size: number;
  announce(connection: Connection, transfer: string): Promise<TransferReady>;
  bands(): AsyncIterable<Uint8Array>;
}

export function pictured(picture: Picture): Cargo {
  const { kind, size, width, height, channels, bits, profile } = picture;
  return {
    size,
    announce: (connection, transfer) => {
      return connection.ask("transfer.begin", { transfer, kind, size, width, height, channels, bits, profile });
    },
    bands: () => picture.bands(),
  };
}

/** A clip that only this page has. Of a longer name than the bridge keeps its end is told, where the suffix is. */
export function filed(name: string, file: Blob): Cargo {
  const told = Array.from(name).slice(-NAME).join("");
  return {
    size: file.size,
    announce: (connection, transfer) => connection.ask("clip.begin", { transfer, name: told, size: file.size }),
    async *bands() {
      for (let offset = 0; offset < file.size; offset += CHUNK) {
        yield new Uint8Array(await file.slice(offset, offset + CHUNK).arrayBuffer());
      }
    },
  };
}

/**
 * Sends a cargo under the transfer's id, from where the bridge says that it has it; all of its bands are read again.
 * Rejects with Lost when the connection ends (do it again with the next one), with BridgeFault when the cargo is refused
 * or is not as long as it said, and with what its bands throw.
 */
export async function upload(
  connection: Connection,
  transfer: string,
  cargo: Cargo,
  clock: Clock,
  progress: (done: number) => void,
): Promise<void> {
  const window = new CreditWindow(Math.min(CHUNK, connection.hello.limits.chunk), progress);
  const unfollow = connection.follow(transfer, window);
  try {
    const ready = (await cargo.announce(connection, transfer)).data;
    window.credit = ready.credit;
    const digest = await sendBands(connection, transfer, cargo, ready.offset, window, clock);
    await connection.ask("transfer.end", { transfer, size: cargo.size, sha256: digest });
  } catch (error) {
    if (!(error instanceof Lost)) {
      connection.ask("transfer.abort", { transfer }).catch(() => undefined); // the reason is told already
    }
    throw error;
  } finally {
    unfollow();
  }
}

/** Sends what lies behind `start`; the sha256 of all. */
async function sendBands(
  connection: Connection,
  transfer: string,
  cargo: Cargo,
  start: number,
  window: CreditWindow,
  clock: Clock,
): Promise<string> {
  const digest = sha256.create();
  let [read, offset, chunk, filled] = [0, start, 0, 0];
  let message = await window.room();

  const send = async (): Promise<void> => {
    while (connection.buffered > BUFFERED) {
      await slept(clock, BREATH);
    }
    putHeader(message, { kind: "chunk", owner: transfer, chunk, offset });
    connection.sendChunk(message.subarray(0, HEADER + filled));
    [offset, chunk, filled] = [offset + filled, chunk + 1, 0];
    window.left(message, offset);
  };

  for await (const band of cargo.bands()) {
    digest.update(band);
    let taken = Math.max(0, Math.min(band.length, start - read));
    read += band.length;
    if (read > cargo.size) {
      break;
    }
    while (taken < band.length) {
      if (filled === 0 && chunk > 0) {
        message = await window.room();
      }
      const part = band.subarray(taken, taken + message.length - HEADER - filled);
      message.set(part, HEADER + filled);
      taken += part.length;
      filled += part.length;
      if (HEADER + filled === message.length) {
        await send();
      }
    }
  }
  if (read !== cargo.size) {
    throw sizeDiffers(read, cargo.size);
  }
  if (filled > 0) {
    await send();
  }
  return hex(digest.digest());
}

/** The chunks on their way, at most `credit`; their memory is used again when the bridge has them. */
class CreditWindow implements Flight {
  credit = 1;
  private readonly onTheirWay: { readonly message: Uint8Array<ArrayBuffer>; readonly end: number }[] = [];
  private readonly free: Uint8Array<ArrayBuffer>[] = [];
  private error: Error | null = null;
  private wake: () => void = () => undefined;

  constructor(
    private readonly most: number,
    private readonly progress: (done: number) => void,
  ) {}

  /** A message to fill, when there is room for one more. Rejects with what the transfer failed of. */
  async room(): Promise<Uint8Array<ArrayBuffer>> {
    while (this.error === null && this.onTheirWay.length >= this.credit) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    if (this.error !== null) {
      throw this.error;
    }
    return this.free.pop() ?? new Uint8Array(HEADER + this.most);
  }

  left(message: Uint8Array<ArrayBuffer>, end: number): void {
    this.onTheirWay.push({ message, end });
  }

  acknowledged(offset: number): void {
    const here = this.onTheirWay.filter(({ end }) => end <= offset).length;
    this.free.push(...this.onTheirWay.splice(0, here).map(({ message }) => message));
    this.progress(offset);
    this.wake();
  }

  failed(error: Error): void {
    this.error = error;
    this.wake();
  }
}

/** A file as far as it is here. After a lost connection `from` the next one fetches the rest. */
export class Download {
  private bytes = new Uint8Array();
  private have = 0;

  constructor(
    private readonly source: JobFile | ClipFile,
    private readonly progress: (done: number, size: number) => void = () => undefined,
  ) {}

  /** The whole file. Rejects with Lost when the connection ends, with BridgeFault for what cannot be fetched. */
  async from(connection: Connection): Promise<Uint8Array> {
    while (!(await this.fetched(connection))) {
      this.have = 0;
    }
    return this.bytes;
  }

  /** Fetches what is missing; false when the file is not the one any more of which a part is here. */
  private async fetched(connection: Connection): Promise<boolean> {
    const transfer = freshUuid();
    const start = this.have;
    const digest = sha256.create();
    let unfollow = (): void => undefined;
    let name = "";
    const done = new Promise<boolean>((resolve, reject) => {
      unfollow = connection.follow(transfer, {
        offered: (offered, size) => {
          name = offered;
          if (start > 0 && size !== this.bytes.length) {
            resolve(false);
          } else if (start === 0) {
            this.bytes = new Uint8Array(size);
          }
        },
        chunk: (offset, payload) => {
          if (offset !== this.have || offset + payload.length > this.bytes.length) {
            reject(damaged(name));
            return;
          }
          this.bytes.set(payload, offset);
          digest.update(payload);
          this.have += payload.length;
          connection.acknowledge(transfer, this.have);
          this.progress(this.have, this.bytes.length);
        },
        sent: (size, hash) => {
          const whole = this.have === size && hash === hex(digest.digest());
          whole ? resolve(true) : reject(damaged(name));
        },
        failed: reject,
      });
    });
    const fetch = { transfer, source: this.source, offset: start };
    try {
      const [, whole] = await Promise.all([connection.ask("transfer.fetch", fetch), done]);
      if (!whole) {
        await connection.ask("transfer.abort", { transfer });
      }
      return whole;
    } catch (error) {
      if (!(error instanceof Lost)) {
        this.have = 0;
        connection.ask("transfer.abort", { transfer }).catch(() => undefined); // the reason is told already
      }
      throw error;
    } finally {
      unfollow();
    }
  }
}
