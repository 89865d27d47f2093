/** The packaged plugin in the simulated Photoshop: its own script out of the .ccx, in a world that lacks what UXP lacks. */

import { readFileSync } from "node:fs";
import { inflateRawSync } from "node:zlib";
import vm from "node:vm";
import { JSDOM, VirtualConsole } from "jsdom";
import WebSocket from "ws";
import { Simulator, type Options } from "./photoshop.ts";
import type { Manifest } from "./uxp.ts";

/** The files of a ZIP archive by name, each as its directory says. */
export function unzip(archive: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const end = archive.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
  if (end < 0) throw new Error("This is no ZIP archive.");
  let at = archive.readUInt32LE(end + 16);
  for (let index = 0; index < archive.readUInt16LE(end + 10); index++) {
    const nameLength = archive.readUInt16LE(at + 28);
    const name = archive.toString("utf8", at + 46, at + 46 + nameLength);
    const local = archive.readUInt32LE(at + 42);
    const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    files.set(name, inflateRawSync(archive.subarray(start, start + archive.readUInt32LE(at + 20))));
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  return files;
}

/** Not in UXP, or not in the oldest one that the manifest allows. */
const MISSING = [
  "TextDecoder",
  "TextEncoder",
  "MutationObserver",
  "matchMedia",
  "crypto",
  "eval",
  "XMLHttpRequest",
  "process",
  "Buffer",
];

export class Plugin {
  readonly simulator: Simulator;
  readonly dom: JSDOM;
  readonly complaints: string[] = [];
  readonly dialled: string[] = [];
  /** Messages that went out while Photoshop was locked in a modal scope. */
  sentWhileModal = 0;
  root: HTMLElement | null = null;
  private readonly sockets = new Set<WebSocket>();

  constructor(ccx: string, options: Options = {}) {
    const files = unzip(readFileSync(ccx));
    const text = (name: string): string => {
      const content = files.get(name);
      if (content === undefined) throw new Error(`The package has no ${name}.`);
      return content.toString("utf8");
    };
    const manifest = JSON.parse(text("manifest.json")) as Manifest;
    this.simulator = new Simulator(manifest, options);
    const console = new VirtualConsole();
    console.on("jsdomError", (error) => this.complaints.push(String(error)));
    console.on("error", (...words: unknown[]) => this.complaints.push(words.map(String).join(" ")));
    const page = text(manifest.main);
    this.dom = new JSDOM(page.replace(/<script[^>]*><\/script>/g, ""), {
      runScripts: "outside-only",
      url: "https://plugin.invalid/",
      virtualConsole: console,
      pretendToBeVisual: true,
    });
    const { window } = this.dom;
    const world = this.dom.getInternalVMContext();
    for (const name of MISSING) Object.defineProperty(window, name, { value: undefined, writable: true });
    const realm = vm.runInContext(
      "({ Uint8Array, Uint16Array, Float32Array, ArrayBuffer })",
      world,
    ) as Simulator["realm"];
    this.simulator.realm = realm;
    const modules: Record<string, unknown> = this.simulator.modules();
    Object.assign(window, {
      require: (name: string): unknown => {
        if (!(name in modules)) throw new Error(`Module not found: ${name}`);
        return modules[name];
      },
      WebSocket: this.socketClass(manifest, realm),
      fetch: (address: string) => this.fetched(manifest, address),
    });
    for (const [, script] of page.matchAll(/<script src="([^"]+)"><\/script>/g)) {
      vm.runInContext(text(script ?? ""), world, { filename: script ?? "" });
    }
    if (this.simulator.files.setup === null) throw new Error("The entry points were not set up at once.");
    this.simulator.files.setup.plugin?.create();
  }

  /** The person opens the panel. */
  show(id: string): HTMLElement {
    const panel = this.simulator.files.setup?.panels[id];
    if (panel === undefined) throw new Error(`There is no panel ${id}.`);
    const root = this.dom.window.document.createElement("div");
    this.dom.window.document.body.append(root);
    inTime(() => panel.create(root));
    this.root = root;
    return root;
  }

  /** The person chooses a command in the menu. */
  command(id: string): void {
    const command = this.simulator.files.setup?.commands[id];
    if (command === undefined) throw new Error(`There is no command ${id}.`);
    inTime(() => command.run());
  }

  unload(): void {
    this.simulator.files.setup?.plugin?.destroy?.();
    for (const socket of this.sockets) socket.terminate();
    this.dom.window.close();
  }

  allows(address: string): boolean {
    return this.allowed(this.simulator.manifest, address);
  }

  private allowed(manifest: Manifest, address: string): boolean {
    const domains = manifest.requiredPermissions.network?.domains ?? [];
    const { protocol, host } = new URL(address);
    if (domains === "all") return true;
    if (domains.includes("all")) return false; // adb-mcp#23: "all" among others silently denies everything
    return domains.includes(`${protocol}//${host}`);
  }

  private async fetched(manifest: Manifest, address: string): Promise<Response> {
    if (!this.allowed(manifest, address)) throw new TypeError("Network request failed: permission denied.");
    return await fetch(address);
  }

  /** A client without extensions, custom headers and an Origin; undeclared addresses fail without a reason. */
  private socketClass(manifest: Manifest, realm: Simulator["realm"]): unknown {
    const plugin = this;
    return class {
      static readonly CONNECTING = 0;
      static readonly OPEN = 1;
      static readonly CLOSING = 2;
      static readonly CLOSED = 3;
      onopen: ((event: object) => void) | null = null;
      onmessage: ((event: { data: unknown }) => void) | null = null;
      onerror: ((event: object) => void) | null = null;
      onclose: ((event: { code: number; reason: string; wasClean: boolean }) => void) | null = null;
      binaryType = "blob";
      private readonly socket: WebSocket | null = null;

      constructor(
        readonly url: string,
        protocols?: string | string[],
      ) {
        plugin.dialled.push(url);
        if (!plugin.allowed(manifest, url)) {
          setTimeout(() => {
            this.onerror?.({});
            this.onclose?.({ code: 1006, reason: "", wasClean: false });
          });
          return;
        }
        const socket = new WebSocket(url, protocols ?? [], { perMessageDeflate: false });
        this.socket = socket;
        plugin.sockets.add(socket);
        socket.on("open", () => this.onopen?.({}));
        socket.on("error", () => this.onerror?.({}));
        socket.on("close", (code, reason) => {
          plugin.sockets.delete(socket);
          this.onclose?.({ code, reason: reason.toString("utf8"), wasClean: code !== 1006 });
        });
        socket.on("message", (data: Buffer, binary) => {
          if (!binary) return this.onmessage?.({ data: data.toString("utf8") });
          if (this.binaryType !== "arraybuffer") return plugin.complaints.push("A binary message came as a Blob.");
          const copy = new realm.ArrayBuffer(data.length);
          new realm.Uint8Array(copy).set(data);
          return this.onmessage?.({ data: copy });
        });
      }

      get readyState(): number {
        return this.socket?.readyState ?? 3;
      }

      get bufferedAmount(): number {
        return this.socket?.bufferedAmount ?? 0;
      }

      send(data: string | ArrayBuffer | ArrayBufferView): void {
        if (plugin.simulator.depth > 0) plugin.sentWhileModal += 1;
        if (typeof data === "string") this.socket?.send(data);
        else if (ArrayBuffer.isView(data))
          this.socket?.send(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
        else this.socket?.send(Buffer.from(data));
      }

      close(code?: number, reason?: string): void {
        this.socket?.close(code, reason);
      }
    };
  }
}

/** Photoshop gives a callback of an entry point 300 ms. */
function inTime(callback: () => unknown): void {
  const before = performance.now();
  callback();
  if (performance.now() - before > 300) throw new Error("The entry point took longer than 300 ms.");
}
