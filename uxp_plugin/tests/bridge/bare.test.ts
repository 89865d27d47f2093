import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import type { connectBridge } from "../../src/bridge/bridge.ts";
import { CLIENT, MemorySettings, picture, Sockets } from "./panel.ts";
import { Service } from "./service.ts";

const BRIDGE = fileURLToPath(new URL("../../src/bridge/bridge.ts", import.meta.url));

test("the client needs no more than JavaScript, timers and a socket of another realm", async (t) => {
  const { outputFiles } = await build({
    entryPoints: [BRIDGE],
    bundle: true,
    write: false,
    format: "iife",
    globalName: "bare",
    target: ["es2020", "chrome99"],
  });
  const context = createContext({ setTimeout, clearTimeout });
  runInContext(outputFiles[0]?.text ?? "", context);
  assert.equal(
    runInContext("[typeof TextEncoder, typeof TextDecoder, typeof crypto, typeof fetch].join()", context),
    Array(4).fill("undefined").join(),
  );
  const connect: typeof connectBridge = runInContext("bare.connectBridge", context);
  const service = await Service.start(t);
  const bridge = connect({
    ports: [service.port],
    host: "Test",
    settings: new MemorySettings(),
    clientId: CLIENT,
    WebSocket: new Sockets().Socket,
    discover: async () => ({ port: null, token: service.token }),
  });
  t.after(() => bridge.stop());
  bridge.start();
  const grant = await bridge.grant(service.clip());
  assert.equal(Buffer.from(await bridge.frame(grant, 3, false)).toString(), "a picture");
  assert.match(await bridge.send(picture(640, 640, () => 70_000)), /^[0-9a-f-]{36}$/);
});
