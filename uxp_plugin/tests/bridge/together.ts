/** A panel and the real service, connected. */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { BridgeFault } from "../../src/bridge/api.ts";
import type { JobParams, Snapshot } from "../../src/bridge/generated.ts";
import { panel, picture, type Panel } from "./panel.ts";
import { Service } from "./service.ts";

export interface Side extends Panel {
  readonly service: Service;
}

export async function together(t: TestContext): Promise<Side> {
  const service = await Service.start(t);
  const connected = panel(t, { port: service.port, token: service.token });
  connected.bridge.start();
  await connected.linked("connected");
  return { ...connected, service };
}

/** Parameters of a job of the simulated engine, whose settings choose the part that it plays. */
export async function params({ bridge, service }: Side, settings: Record<string, string> = {}): Promise<JobParams> {
  const grant = await bridge.grant(service.clip());
  const edited = await bridge.send(picture(8, 8, () => 100));
  return { grant, keyframes: [{ edited, frame: 3 }], settings };
}

export function ended({ state }: Snapshot): boolean {
  return state === "done" || state === "failed" || state === "cancelled";
}

export function faultOf(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof BridgeFault, String(error));
    assert.equal(error.fault.code, code);
    assert.match(error.fault.hint, /\.$/);
    return true;
  };
}
