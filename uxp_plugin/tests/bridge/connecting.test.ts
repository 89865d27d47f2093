import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { WebSocketServer } from "ws";
import { TOKEN } from "../../src/bridge/reconnect.ts";
import { panel } from "./panel.ts";
import { Service } from "./service.ts";
import { faultOf } from "./together.ts";
import { vectors } from "./vectors.ts";

const TOKEN_OF_OURS = vectors.pairing.token;
const OTHER_TOKEN = "ab".repeat(32);
const HELLO = vectors.from_bridge.find((text) => text.includes('"hello"')) ?? "";

test("with the token of the token file the panel connects", async (t) => {
  const service = await Service.start(t);
  const { bridge, linked, links } = panel(t, { port: service.port, token: service.token });
  bridge.start();
  const link = await linked("connected");
  assert.equal(link.port, service.port);
  assert.match(link.version, /^\d+\.\d+/);
  assert.deepEqual(links[0], { state: "connecting" });
});

test("the port of the discovery file is tried before the listed ones", async (t) => {
  const service = await Service.start(t);
  const token = service.token;
  const discover = async () => ({ port: service.port, token });
  const { bridge, linked, sockets } = panel(t, { port: await unusedPort(), discover });
  bridge.start();
  await linked("connected");
  assert.equal(sockets.opened.length, 1);
});

test("a code that the person typed gives the token, which is kept as a secret", async (t) => {
  const service = await Service.start(t);
  const { bridge, linked, settings } = panel(t, { port: service.port });
  bridge.start();
  assert.equal((await linked("stopped")).trouble, "not_paired");
  await bridge.pair(service.pairingCode().toLowerCase());
  await linked("connected");
  assert.equal(settings.kept.get(TOKEN), service.token);
  assert.ok(settings.secrets.has(TOKEN));
  bridge.stop();
  bridge.start();
  await linked("connected");
});

test("a wrong code is said to be wrong, and the right one still works", async (t) => {
  const service = await Service.start(t);
  const { bridge, settings } = panel(t, { port: service.port });
  const code = service.pairingCode();
  await assert.rejects(bridge.pair("00000-00000"), faultOf("bridge.wrong_code"));
  assert.equal(bridge.link.state === "stopped" && bridge.link.trouble, "wrong_code");
  await assert.rejects(bridge.pair("no code"), faultOf("bridge.wrong_code"));
  assert.equal(settings.kept.size, 0);
  await bridge.pair(code);
  assert.equal(bridge.link.state, "connected");
});

test("with a token that is not the bridge's the panel stops and asks to pair again", async (t) => {
  const service = await Service.start(t);
  const { bridge, linked, sockets } = panel(t, { port: service.port, token: OTHER_TOKEN });
  bridge.start();
  assert.equal((await linked("stopped")).trouble, "not_trusted");
  assert.equal(sockets.opened.length, 1);
  await assert.rejects(bridge.grant("/clips/shot.mov"), faultOf("bridge.not_trusted"));
});

test("another program with the bridge's manners but without the token gets nothing", async (t) => {
  const { port, heard } = await rogue(t, (said) => {
    const { id } = JSON.parse(said);
    const data = { hmac: OTHER_TOKEN, session: vectors.handshake.instance, jobs: [] };
    return JSON.stringify({ v: 1, id: "s2", re: id, type: "identified", data });
  });
  const { bridge, linked } = panel(t, { port, token: TOKEN_OF_OURS });
  bridge.start();
  const sent = bridge.grant("/clips/secret.mov").catch(() => undefined);
  const link = await linked("waiting");
  assert.equal(link.trouble, "port_taken");
  bridge.stop();
  await sent;
  assert.deepEqual(heard.map((text) => JSON.parse(text).type), ["identify"]);
  assert.ok(!heard.join().includes(TOKEN_OF_OURS));
});

test("another program that learns of a pairing gives no token to keep", async (t) => {
  const { port } = await rogue(t, (said) => {
    const data = { hmac: OTHER_TOKEN, token: OTHER_TOKEN };
    return JSON.stringify({ v: 1, id: "s2", re: JSON.parse(said).id, type: "paired", data });
  });
  const { bridge, settings } = panel(t, { port });
  await assert.rejects(bridge.pair("7K0M3-XQ1ZD"), faultOf("bridge.port_taken"));
  assert.equal(settings.kept.size, 0);
});

test("a bridge of another version is told from a foreign program", async (t) => {
  const { port } = await rogue(t, () => "", HELLO.replace('"protocol_min":1,"protocol_max":1', '"protocol_min":2,"protocol_max":3'));
  const { bridge, linked } = panel(t, { port, token: TOKEN_OF_OURS });
  bridge.start();
  const link = await linked("stopped");
  assert.equal(link.trouble, "version");
  assert.match(link.detail, /2 to 3/);
});

for (const [what, greeting] of [
  ["nonsense", "hello there"],
  ["another message", '{"v":1,"id":"s1","type":"pong","data":{}}'],
  ["a damaged hello", '{"v":1,"id":"s1","type":"hello","data":{}}'],
  ["a hello without a challenge", HELLO.replace(/"challenge":"\w+"/, '"challenge":"00"')],
] as const) {
  test(`a program that greets with ${what} has taken the port`, async (t) => {
    const { port, heard } = await rogue(t, () => "", greeting);
    const { bridge, linked } = panel(t, { port, token: TOKEN_OF_OURS });
    bridge.start();
    assert.equal((await linked("waiting")).trouble, "port_taken");
    assert.deepEqual(heard, []);
  });
}

test("a web server on the port has taken it", async (t) => {
  const server = createHttp((_, answer) => answer.end("Welcome.")).listen(0, "localhost");
  await once(server, "listening");
  t.after(() => server.close());
  const { bridge, linked } = panel(t, { port: (server.address() as AddressInfo).port, token: TOKEN_OF_OURS });
  bridge.start();
  assert.equal((await linked("waiting")).trouble, "port_taken");
});

test("without a bridge, and none ever heard of, it is not installed", async (t) => {
  const { bridge, linked } = panel(t, { port: await unusedPort() });
  bridge.start();
  const link = await linked("waiting");
  assert.equal(link.trouble, "not_installed");
  assert.equal(link.seconds, 1);
});

test("without a bridge, but with its token, it is not running", async (t) => {
  const { bridge, linked } = panel(t, { port: await unusedPort(), token: TOKEN_OF_OURS, patience: 0.05 });
  bridge.start();
  assert.equal((await linked("waiting")).trouble, "not_running");
  await assert.rejects(bridge.cancel(vectors.handshake.instance), faultOf("bridge.no_connection"));
});

test("a bridge that ends is waited for", async (t) => {
  const service = await Service.start(t);
  const { bridge, linked } = panel(t, { port: service.port, token: service.token });
  bridge.start();
  await linked("connected");
  await service.end("SIGTERM");
  assert.equal((await linked("waiting")).trouble, "not_running");
  await service.run();
  await linked("connected");
});

test("a bridge that was stopped says so to everything that waits", async (t) => {
  const { bridge, linked } = panel(t, { port: await unusedPort(), token: TOKEN_OF_OURS });
  bridge.start();
  await linked("waiting");
  const waits = bridge.resume();
  bridge.stop();
  await assert.rejects(waits, faultOf("bridge.closed"));
  await assert.rejects(bridge.resume(), faultOf("bridge.closed"));
});

/** A program that took the port: says hello, hears what comes, answers as told. */
async function rogue(t: TestContext, answer: (said: string) => string, hello = HELLO): Promise<{ port: number; heard: string[] }> {
  const heard: string[] = [];
  const server = new WebSocketServer({ port: 0, host: "localhost" });
  await once(server, "listening");
  t.after(() => {
    server.clients.forEach((client) => client.terminate());
    server.close();
  });
  server.on("connection", (socket) => {
    socket.on("message", (data) => {
      heard.push(String(data));
      socket.send(answer(String(data)));
    });
    socket.send(hello);
  });
  return { port: (server.address() as AddressInfo).port, heard };
}

async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, "localhost");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
