/** The CEP extension's page: After Effects as host, the bridge, the panel. */

import { connectBridge } from "../../bridge/bridge.ts";
import { freshUuid } from "../../bridge/fresh.ts";
import { discovered } from "../../panel/memory.ts";
import { mount } from "../../panel/panel.ts";
import { HostError } from "../host.ts";
import type { Settings } from "../host.ts";
import { callsThrough } from "./calls.ts";
import { evaluateIn, readWith, THEME_CHANGED, themeOf } from "./cep.ts";
import type { AdobeCep, Cep } from "./cep.ts";
import { afterEffects } from "./host.ts";
import { settingsIn } from "./settings.ts";

declare global {
  interface Window {
    readonly __adobe_cep__: AdobeCep;
    readonly cep: Cep;
  }
}

const PORTS = [47821, 47822, 47823, 47824];
const CLIENT = "client";

async function clientId(settings: Settings): Promise<string> {
  const known = await settings.get(CLIENT);
  const id = known ?? freshUuid();
  await settings.set(CLIENT, id);
  return id;
}

async function open(root: HTMLElement): Promise<void> {
  const adobe = window.__adobe_cep__;
  const settings = settingsIn(localStorage);
  const host = await afterEffects({
    calls: callsThrough(evaluateIn(adobe)),
    settings,
    read: readWith(window.cep),
    hidden: () => document.hidden,
  });
  const bridge = connectBridge({
    ports: PORTS,
    host: host.name,
    settings,
    discover: () => discovered(host),
    clientId: await clientId(settings),
  });
  const { appUILocale } = JSON.parse(adobe.getHostEnvironment()) as { appUILocale?: string };
  const shown = () => {
    const theme = themeOf(adobe.getHostEnvironment());
    return mount(root, bridge, host, appUILocale === undefined ? { theme } : { theme, language: appUILocale.replace("_", "-") });
  };
  let panel = shown();
  adobe.addEventListener(THEME_CHANGED, () => {
    panel.unmount();
    panel = shown();
  });
}

const root = document.getElementById("panel");
if (root !== null) {
  open(root).catch((thrown: unknown) => {
    const hint = thrown instanceof HostError ? thrown.hint : "Close and open the panel.";
    root.className = "refusal";
    root.textContent = `${thrown instanceof Error ? thrown.message : String(thrown)} ${hint}`;
  });
}
