/** CEP around the built extension: its page in jsdom, `__adobe_cep__` and `cep` over a simulated After Effects. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { JSDOM, VirtualConsole } from "jsdom";
import { WebSocket } from "ws";
import type { AfterEffects } from "./application.ts";

/** As Chromium calls the page of an extension, which lies in a folder. */
export const ORIGIN = "file://";

export interface Extension {
  readonly window: JSDOM["window"];
  readonly document: Document;
  /** The host's skin changes to this gray. */
  reskin(gray: number): void;
  close(): void;
}

/** Open the panel as After Effects does: the script of the manifest in its engine, the page of the manifest in Chromium. */
export async function openExtension(ae: AfterEffects, folder: string, options: { gray?: number } = {}): Promise<Extension> {
  const manifest = new JSDOM(readFileSync(join(folder, "CSXS", "manifest.xml"), "utf8"), { contentType: "text/xml" }).window.document;
  const named = (tag: string): string => join(folder, manifest.querySelector(tag)?.textContent ?? "");
  ae.evaluate(readFileSync(named("ScriptPath"), "utf8"));
  let gray = options.gray ?? 35;
  const heard = new Map<string, ((event: unknown) => void)[]>();
  const errors = new VirtualConsole();
  errors.sendTo(console);
  const page = named("MainPath");
  const dom = new JSDOM(readFileSync(page, "utf8"), {
    url: pathToFileURL(page).href,
    runScripts: "dangerously",
    resources: "usable",
    pretendToBeVisual: true,
    virtualConsole: errors,
    beforeParse(window) {
      Object.assign(window, {
        WebSocket: class extends WebSocket {
          constructor(address: string) {
            super(address, { origin: ORIGIN, perMessageDeflate: false });
          }
        },
        fetch: globalThis.fetch,
        __adobe_cep__: {
          evalScript: (script: string, answered: (result: string) => void) => {
            setTimeout(() => {
              let result = "EvalScript error.";
              try {
                result = String(ae.evaluate(script));
              } finally {
                answered(result);
              }
            });
          },
          getHostEnvironment: () =>
            JSON.stringify({
              appName: "AEFT",
              appVersion: "25.2",
              appUILocale: "en_US",
              appSkinInfo: { panelBackgroundColor: { color: { red: gray, green: gray, blue: gray, alpha: 255 } } },
            }),
          addEventListener: (type: string, hear: (event: unknown) => void) => heard.set(type, [...(heard.get(type) ?? []), hear]),
        },
        cep: {
          fs: {
            readFile: (path: string, encoding?: string) => {
              try {
                return { err: 0, data: readFileSync(path, encoding === "Base64" ? "base64" : "utf8") };
              } catch {
                return { err: 3, data: "" };
              }
            },
          },
        },
      });
      const kept = new Map<string, string>();
      Object.defineProperty(window, "localStorage", {
        value: {
          getItem: (name: string) => kept.get(name) ?? null,
          setItem: (name: string, value: string) => void kept.set(name, value),
          removeItem: (name: string) => void kept.delete(name),
        },
      });
    },
  });
  await new Promise((resolve) => dom.window.addEventListener("load", resolve));
  return {
    window: dom.window,
    document: dom.window.document,
    reskin: (to) => {
      gray = to;
      heard.get("com.adobe.csxs.events.ThemeColorChanged")?.forEach((hear) => hear({}));
    },
    close: () => dom.window.close(),
  };
}
