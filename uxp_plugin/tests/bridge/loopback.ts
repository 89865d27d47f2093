/** Sockets without a network: ports where nothing is, where nobody answers, or where a bridge plays its part. */

import { hex, unhex, uuidBytes } from "../../src/bridge/bytes.ts";
import type { SocketClass } from "../../src/bridge/line.ts";
import { proof } from "../../src/bridge/proof.ts";
import { bytes, vectors } from "./vectors.ts";

export type Part = "absent" | "mute" | "bridge";

const HELLO = vectors.from_bridge.find((text) => text.includes('"hello"')) ?? "";

export class Loopback {
  readonly dialled: number[] = [];
  readonly said: string[] = [];
  /** How many sockets are open. */
  open = 0;
  /** Whether the bridge answers pings. */
  alive = true;
  current: LoopbackSocket | null = null;

  constructor(public part: Part) {}

  get Socket(): SocketClass {
    const loopback = this;
    class Dialled extends LoopbackSocket {
      constructor(address: string) {
        super(Number(/:(\d+)\//.exec(address)?.[1]), loopback);
      }
    }
    return Dialled as unknown as SocketClass;
  }
}

class LoopbackSocket {
  readyState = 0;
  readonly bufferedAmount = 0;
  binaryType = "";
  onopen: () => void = () => undefined;
  onerror: () => void = () => undefined;
  onclose: (event: { code: number; reason: string }) => void = () => undefined;
  onmessage: (event: { data: string }) => void = () => undefined;

  constructor(
    private readonly port: number,
    private readonly loopback: Loopback,
  ) {
    loopback.dialled.push(port);
    loopback.current = this;
    queueMicrotask(() => this.answer());
  }

  send(text: string): void {
    this.loopback.said.push(text);
    const { id, type, data } = JSON.parse(text);
    if (type === "identify") {
      const { challenge, instance } = vectors.handshake;
      const nonce = unhex(data.nonce, 32) ?? new Uint8Array();
      const occasion = { port: this.port, challenge: bytes(challenge), nonce, instance: uuidBytes(instance) ?? nonce };
      const hmac = hex(proof(bytes(vectors.pairing.token), "srv", occasion));
      this.hear("identified", id, { hmac, session: instance, jobs: [] });
    } else if (type === "ping" && this.loopback.alive) {
      this.hear("pong", id, {});
    }
  }

  close(code = 1000): void {
    if (this.readyState < 2) {
      this.loopback.open -= this.readyState;
      this.readyState = 3;
      this.onclose({ code, reason: "" });
    }
  }

  private answer(): void {
    if (this.readyState !== 0 || this.loopback.part === "mute") {
      return;
    }
    if (this.loopback.part === "absent") {
      this.onerror();
      this.close(1006);
      return;
    }
    this.readyState = 1;
    this.loopback.open += 1;
    this.onopen();
    this.onmessage({ data: HELLO });
  }

  private hear(type: string, re: string, data: object): void {
    queueMicrotask(() => this.onmessage({ data: JSON.stringify({ v: 1, id: "s9", re, type, data }) }));
  }
}
