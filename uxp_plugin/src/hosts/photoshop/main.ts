/** Photoshop's plugin: its panel and its commands. */

import { connectBridge } from "../../bridge/bridge.ts";
import { freshUuid } from "../../bridge/fresh.ts";
import { mount, type Panel } from "../../panel/panel.ts";
import { HostError } from "../host.ts";
import { reason } from "./faults.ts";
import { loadModules } from "./modules.ts";
import { photoshopHost } from "./photoshop.ts";
import { rateOf, type ClipFacts } from "./timeline.ts";

const PORTS = [47821, 47822, 47823, 47824];
const CLIENT = "videoshop.client";

const modules = loadModules();
const host = photoshopHost(modules, localStorage);
const bridge = connectBridge({
  ports: PORTS,
  host: host.name,
  settings: host.settings,
  discover: () => host.discover(),
  clientId: clientId(),
});

/** The panel's place, with or without Photoshop's panel around it: the menu's commands work before that is opened. */
const place = document.createElement("div");
let panel: Panel | null = null;

// Photoshop wants this at once, and gives an entry point's callback 300 ms: each starts its work and returns.
modules.uxp.entrypoints.setup({
  plugin: { create: () => undefined, destroy: () => panel?.unmount() },
  panels: {
    videoshop: {
      create: (root) => void root.appendChild(place),
      destroy: () => place.remove(),
    },
  },
  commands: {
    propagate: { run: () => told(propagate) },
    open: { run: () => told(openClip) },
    cancel: { run: () => told(() => mounted().cancel()) },
  },
});
mounted();

function mounted(): Panel {
  panel ??= mount(place, bridge, host, { theme: theme(), language: modules.uxp.host.uiLocale.replace("_", "-") });
  return panel;
}

async function propagate(): Promise<void> {
  const done = mounted().propagate();
  if (!place.isConnected)
    await modules.photoshop.alert("Videoshop works. Open its panel to follow it and to see what it asks.");
  await done;
}

async function openClip(): Promise<void> {
  await host.openClip(clipFacts);
}

/** What the bridge knows of a clip; null while there is no connection: then the frame is looked for later. */
async function clipFacts(path: string): Promise<ClipFacts | null> {
  if (bridge.link.state !== "connected") return null;
  const { frames, fps, constant_rate: constantRate } = (await bridge.probe(await bridge.grant(path))).data;
  const rate = rateOf(fps);
  return rate === null ? null : { frames, rate, constantRate };
}

/** A menu's command has no other place to say what went wrong. */
function told(work: () => Promise<void>): void {
  work().catch((error: unknown) => {
    const hint = error instanceof HostError ? ` ${error.hint}` : "";
    void modules.photoshop.alert(reason(error) + hint);
  });
}

function clientId(): string {
  const kept = localStorage.getItem(CLIENT);
  if (kept !== null) return kept;
  const fresh = freshUuid();
  localStorage.setItem(CLIENT, fresh);
  return fresh;
}

/** UXP's own member of the document (uxp-api, theme awareness): "lightest", "light", "medium", "dark", "darkest". */
function theme(): "light" | "dark" {
  const { theme } = document as Document & { readonly theme?: { getCurrent(): string } };
  return theme?.getCurrent().startsWith("light") === true ? "light" : "dark";
}
