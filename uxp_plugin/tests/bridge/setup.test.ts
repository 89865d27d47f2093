/** The setup's messages, with a server that plays the bridge's part of them; the code of the real service. */

import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { WebSocketServer, type WebSocket } from "ws";
import type { Setup } from "../../src/bridge/api.ts";
import { hex, unhex, uuidBytes } from "../../src/bridge/bytes.ts";
import { proof } from "../../src/bridge/proof.ts";
import { panel, type Panel } from "./panel.ts";
import { faultOf, together } from "./together.ts";
import { bytes, vectors } from "./vectors.ts";

const HELLO = vectors.from_bridge.find((text) => text.includes('"hello"')) ?? "";
const STATE: Setup = JSON.parse(vectors.from_bridge.find((text) => text.includes('"setup.state"')) ?? "").data;
const FAULT = { code: "setup.unknown_part", message: "There is no such part.", hint: "Update the panel.", retryable: false };

interface Side extends Panel {
  /** What was asked of the setup, and what was told of it, in order. */
  readonly asked: readonly (readonly [string, object])[];
  readonly states: readonly Setup[];
  /** Tells every panel, unasked. */
  tell(state: Setup): void;
}

/** A panel beside a server that proves the token and answers the setup's questions. */
async function side(t: TestContext): Promise<Side> {
  const server = new WebSocketServer({ port: 0, host: "localhost" });
  await once(server, "listening");
  t.after(() => {
    server.clients.forEach((one) => one.terminate());
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const asked: [string, object][] = [];
  server.on("connection", (socket) => {
    socket.send(HELLO);
    socket.on("message", (text) => {
      const { id, type, data } = JSON.parse(String(text));
      if (type.startsWith("setup.")) {
        asked.push([type, data]);
      }
      answer(socket, port, { id, type, data });
    });
  });
  const connected = panel(t, { port, token: vectors.pairing.token });
  const states: Setup[] = [];
  connected.bridge.on("setup", (state) => states.push(state));
  connected.bridge.start();
  await connected.linked("connected");
  const tell = (data: Setup): void => {
    const text = JSON.stringify({ v: 1, id: "s50", type: "setup.state", data });
    server.clients.forEach((one) => one.send(text));
  };
  return { ...connected, asked, states, tell };
}

interface Said {
  readonly id: string;
  readonly type: string;
  readonly data: { readonly nonce: string; readonly part?: string };
}

function answer(socket: WebSocket, port: number, { id, type, data }: Said): void {
  const say = (name: string, told: object): void => socket.send(JSON.stringify({ v: 1, id: "s9", re: id, type: name, data: told }));
  const { challenge, instance } = vectors.handshake;
  if (type === "identify") {
    const nonce = unhex(data.nonce, 32) ?? new Uint8Array();
    const occasion = { port, challenge: bytes(challenge), nonce, instance: uuidBytes(instance) ?? nonce };
    say("identified", { hmac: hex(proof(bytes(vectors.pairing.token), "srv", occasion)), session: instance, jobs: [] });
  } else if (type === "queue.watch") {
    say("queue.state", { paused: false, order: [] });
  } else if (data.part === "unknown") {
    say("error", FAULT);
  } else {
    say("setup.state", STATE);
  }
}

test("nothing is asked of the setup until somebody wants to know it", async (t) => {
  const { asked } = await side(t);
  assert.deepEqual(asked, []);
});

test("what stands is told in the answer, and what changes after it", async (t) => {
  const { bridge, asked, states, tell } = await side(t);
  await bridge.watchSetup();
  assert.deepEqual(asked, [["setup.watch", {}]]);
  assert.deepEqual(states, [STATE]);
  const changed = new Promise((resolve) => bridge.on("setup", resolve));
  tell({ ...STATE, work: null, waiting: [] });
  assert.deepEqual(await changed, { ...STATE, work: null, waiting: [] });
});

test("a part is installed, stopped and taken away by its name", async (t) => {
  const { bridge, asked, states } = await side(t);
  await bridge.setUp("svd", true, null);
  await bridge.stopSetUp("svd");
  await bridge.takeAway("engine");
  assert.deepEqual(asked, [
    ["setup.install", { part: "svd", accepted: true, token: null }],
    ["setup.stop", { part: "svd" }],
    ["setup.remove", { part: "engine" }],
  ]);
  assert.equal(states.length, 3);
});

test("a question about the setup whose answer is cut off is asked again", async (t) => {
  const { bridge, asked, sockets } = await side(t);
  let times = 0;
  sockets.cutHearing = (text) => text.includes('"setup.state"') && ++times === 1;
  await bridge.setUp("engine", false, null);
  assert.equal(sockets.opened.length, 2);
  assert.equal(asked.length, 2);
});

test("what is refused of the setup is told with its code", async (t) => {
  const { bridge, states } = await side(t);
  await assert.rejects(bridge.setUp("unknown", false, null), faultOf("setup.unknown_part"));
  assert.deepEqual(states, []);
});

test("a connected panel gets a code that lets another one in", async (t) => {
  const { bridge, service } = await together(t);
  const { code, seconds } = await bridge.pairingCode();
  assert.match(code, /^[0-9A-Z]{5}-[0-9A-Z]{5}$/);
  assert.ok(seconds > 290 && seconds <= 300);
  const other = panel(t, { port: service.port });
  await other.bridge.pair(code);
  assert.equal(other.bridge.link.state, "connected");
});
