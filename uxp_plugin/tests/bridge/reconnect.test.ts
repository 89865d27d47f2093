import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Trouble } from "../../src/bridge/api.ts";
import { Refusal } from "../../src/bridge/faults.ts";
import { backoff, candidates, gravest } from "../../src/bridge/reconnect.ts";
import { Clockwork } from "./clockwork.ts";
import { Loopback, type Part } from "./loopback.ts";
import { panel, type Panel } from "./panel.ts";
import { vectors } from "./vectors.ts";

interface Side extends Panel {
  readonly clock: Clockwork;
  readonly loopback: Loopback;
}

function side(t: TestContext, part: Part, ports: readonly number[] = [vectors.handshake.port]): Side {
  const [clock, loopback] = [new Clockwork(), new Loopback(part)];
  const token = vectors.pairing.token;
  const options = { port: 0, ports, token, clock, WebSocket: loopback.Socket, knock: async () => false };
  return { ...panel(t, options), clock, loopback };
}

function pings(loopback: Loopback): number {
  return loopback.said.filter((text) => text.includes('"ping"')).length;
}

test("the waits are 1, 2, 5, then always 10 seconds", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 99].map(backoff), [1, 2, 5, 10, 10, 10]);
});

test("each port is tried once, the discovered one first", () => {
  assert.deepEqual(candidates(3, [1, 2, 3]), [3, 1, 2]);
  assert.deepEqual(candidates(null, [1, 2, 1]), [1, 2]);
});

test("of several refusals the one is told that says most", () => {
  const told = (...troubles: Trouble[]): Trouble => gravest(troubles.map((trouble) => new Refusal(trouble, trouble))).trouble;
  assert.equal(told("not_running", "not_paired"), "not_paired");
  assert.equal(told("port_taken", "not_trusted", "not_running"), "not_trusted");
  assert.equal(told("port_taken", "not_running"), "port_taken");
  assert.equal(told("port_taken", "port_taken"), "port_taken");
  assert.equal(told(), "not_running");
});

test("another program on a spare port is no reason, but mentioned", () => {
  const refusals = [new Refusal("not_running", "Nothing here."), new Refusal("port_taken", "A stranger there.")];
  const { trouble, detail } = gravest(refusals);
  assert.equal(trouble, "not_running");
  assert.equal(detail, "Nothing here. A stranger there.");
});

test("while nothing answers the panel tries again, ever more slowly", async (t) => {
  const { bridge, clock, loopback, links } = side(t, "absent");
  bridge.start();
  await clock.turn(27_500);
  const waits = links.flatMap((link) => (link.state === "waiting" ? [link.seconds] : []));
  assert.deepEqual(waits, [1, 2, 5, 10, 10]);
  assert.equal(loopback.dialled.length, 5);
});

test("a start by hand does not wait", async (t) => {
  const { bridge, clock, loopback, links } = side(t, "absent");
  bridge.start();
  await clock.turn(3_500);
  loopback.part = "bridge";
  bridge.start();
  await clock.turn(100);
  assert.equal(bridge.link.state, "connected");
  assert.equal(links.filter(({ state }) => state === "connected").length, 1);
});

test("a port that takes calls and does not answer is taken", async (t) => {
  const { bridge, clock } = side(t, "mute");
  bridge.start();
  await clock.turn(5_500);
  assert.equal(bridge.link.state === "waiting" && bridge.link.trouble, "port_taken");
});

test("all ports are tried before the panel waits", async (t) => {
  const { bridge, clock, loopback } = side(t, "absent", [1, 2, 3]);
  bridge.start();
  await clock.turn(500);
  assert.deepEqual(loopback.dialled, [1, 2, 3]);
});

test("every 20 seconds the bridge is asked whether it lives, and the connection stays while it does", async (t) => {
  const { bridge, clock, loopback } = side(t, "bridge");
  bridge.start();
  await clock.turn(30 * 60_000);
  assert.equal(bridge.link.state, "connected");
  assert.equal(pings(loopback), 90);
  assert.equal(loopback.dialled.length, 1);
});

test("a bridge that is silent for more than 60 seconds is left, and dialled again", async (t) => {
  const { bridge, clock, loopback, links } = side(t, "bridge");
  bridge.start();
  await clock.turn(1_000);
  loopback.alive = false;
  await clock.turn(62_000);
  assert.equal(bridge.link.state, "connected");
  await clock.turn(17_500);
  const waited = links.find(({ state }) => state === "waiting");
  assert.equal(waited?.state === "waiting" && waited.trouble, "closed");
  assert.match(waited?.state === "waiting" ? waited.detail : "", /no sign of life/);
  await clock.turn(1_500);
  assert.equal(bridge.link.state, "connected");
  assert.equal(loopback.open, 1);
});

test("a question waits for a connection, and no longer than it should", async (t) => {
  const { bridge, clock } = side(t, "absent");
  bridge.start();
  await clock.turn(500);
  const asked = bridge.resume().then(
    () => "answered",
    (error: Error) => error.message,
  );
  await clock.turn(14_900);
  assert.equal(await Promise.race([asked, Promise.resolve("waits")]), "waits");
  await clock.turn(200);
  assert.equal(await asked, "There was no connection to the bridge within 15 seconds.");
});

test("a connection that falls at once does not shorten the waits, a good one does", async (t) => {
  const { bridge, clock, loopback, links } = side(t, "bridge");
  bridge.start();
  for (const lived of [0, 0, 0, 11_000, 0]) {
    await clock.turn(lived + 20);
    loopback.current?.close(1011);
    await clock.turn(10_020);
  }
  const waits = links.flatMap((link) => (link.state === "waiting" ? [link.seconds] : []));
  assert.deepEqual(waits, [1, 2, 5, 1, 2]);
});
