/** A mounted panel in a simulated document, and how a test looks at it and presses its buttons. */

import { JSDOM } from "jsdom";
import type { Panel, PanelOptions } from "../../src/panel/panel.ts";
import { CONNECTED, FakeBridge, FakeHost } from "./fakes.ts";

export interface Scenery {
  readonly bridge: FakeBridge;
  readonly host: FakeHost;
  readonly panel: Panel;
  readonly root: HTMLElement;
  /** Lets everything that is under way come to its end. */
  settled(): Promise<void>;
  text(): string;
  button(name: string, within?: Element): HTMLButtonElement;
  press(name: string, within?: Element): Promise<void>;
  field(label: string): HTMLInputElement;
  type(label: string, typed: string): Promise<void>;
  row(list: string, index?: number): HTMLElement;
  key(target: Element, key: string): Promise<void>;
}

const globals = ["document", "window", "HTMLElement", "Node"] as const;

/** Mount a panel; `connected` unless a test wants it otherwise. It is unmounted when the test ends. */
export async function opened(
  test: { after(act: () => void): void },
  { connected = true, bridge = new FakeBridge(), host = new FakeHost(), ...options }: Opening = {},
): Promise<Scenery> {
  const page = new JSDOM("<main></main>", { pretendToBeVisual: true });
  for (const name of globals) {
    Object.defineProperty(globalThis, name, { value: page.window[name], configurable: true, writable: true });
  }
  const root = page.window.document.querySelector("main");
  if (root === null) {
    throw new Error("There is no main.");
  }
  const { mount } = await import("../../src/panel/panel.ts");
  const panel = mount(root, bridge, host, { language: "en", ...options });
  test.after(() => panel.unmount());
  const scenery = sceneryOf(root, bridge, host, panel);
  await scenery.settled();
  if (connected) {
    bridge.say(CONNECTED);
    await scenery.settled();
  }
  return scenery;
}

export type Opening = PanelOptions & { connected?: boolean; bridge?: FakeBridge; host?: FakeHost };

function sceneryOf(root: HTMLElement, bridge: FakeBridge, host: FakeHost, panel: Panel): Scenery {
  const settled = async (): Promise<void> => {
    for (let turn = 0; turn < 8; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const all = <T extends Element>(selector: string, within: Element): T[] =>
    Array.from(within.querySelectorAll<T>(selector)).filter((element) => element.closest(".vs-hidden") === null);
  const button = (name: string, within: Element = root): HTMLButtonElement => {
    const found = all<HTMLButtonElement>("button", within).find((one) => one.textContent === name);
    if (found === undefined) {
      throw new Error(`There is no button "${name}" in: ${shown(within)}`);
    }
    return found;
  };
  const field = (label: string): HTMLInputElement => {
    const found = all<HTMLLabelElement>("label", root).find((one) => one.textContent === label);
    const input = found?.querySelector("input") ?? null;
    if (input === null) {
      throw new Error(`There is no field "${label}".`);
    }
    return input;
  };
  return {
    bridge,
    host,
    panel,
    root,
    settled,
    text: () => shown(root),
    button,
    field,
    press: async (name, within = root) => {
      button(name, within).click();
      await settled();
    },
    type: async (label, typed) => {
      const input = field(label);
      input.value = typed;
      input.dispatchEvent(new input.ownerDocument.defaultView!.Event("change"));
      await settled();
    },
    row: (list, index = 0) => {
      const found = root.querySelector(`[aria-label="${list}"]`)?.children[index];
      if (found === undefined) {
        throw new Error(`${list} has no row ${index}.`);
      }
      return found as HTMLElement;
    },
    key: async (target, key) => {
      const { KeyboardEvent } = target.ownerDocument.defaultView!;
      target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
      await settled();
    },
  };
}

/** The text that a person sees. */
export function shown(element: Element): string {
  if (element.classList.contains("vs-hidden")) {
    return "";
  }
  const parts = Array.from(element.childNodes).map((child) =>
    child.nodeType === 3 ? (child.textContent ?? "") : shown(child as Element),
  );
  return parts.filter((part) => part !== "").join(" ");
}
