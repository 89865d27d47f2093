/** Sends one picture and says on stdout what it took at most, in bytes beyond what the panel had when connected. */

import { WebSocket } from "ws";
import { connectBridge } from "../../src/bridge/bridge.ts";
import type { SocketClass } from "../../src/bridge/line.ts";
import { CLIENT, MemorySettings, picture } from "./panel.ts";

const [port = "", token = "", width = "", height = "", band = ""] = process.argv.slice(2);

/** A zero mask spares the copy that ws makes of each message to mask it: measured is the panel. */
class Unmasked extends WebSocket {
  constructor(address: string) {
    super(address, { perMessageDeflate: false, generateMask: (mask) => mask.fill(0) });
  }
}

function taken(): number {
  const { rss, external } = process.memoryUsage();
  return rss + external;
}

const bridge = connectBridge({
  ports: [Number(port)],
  host: "Test",
  settings: new MemorySettings(),
  clientId: CLIENT,
  WebSocket: Unmasked as unknown as SocketClass,
  discover: async () => ({ port: null, token }),
});
bridge.start();
await bridge.send(picture(64, 64, () => Number(band)));
const before = taken();
let most = before;
await bridge.send(picture(Number(width), Number(height), () => Number(band)), () => {
  most = Math.max(most, taken());
});
console.log(most - before);
bridge.stop();
