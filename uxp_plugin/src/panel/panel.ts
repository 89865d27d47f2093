/** The panel: mounted into a host's element, over a bridge. The one entry for every host. */

import type { Bridge } from "../bridge/api.ts";
import type { ClipSource, Host } from "../hosts/host.ts";
import { Acting } from "./acting.ts";
import { make } from "./dom.ts";
import { Memory } from "./memory.ts";
import { languageOf, speaker, translated } from "./strings.ts";
import { Store } from "./store.ts";
import { Grants } from "./tools.ts";
import type { Tools } from "./tools.ts";
import { choicesSection } from "./view/choices.ts";
import { compareSection } from "./view/compare.ts";
import { connectionSection } from "./view/connection.ts";
import { propagateSection } from "./view/propagate.ts";
import { queueSection, resultsSection } from "./view/queue.ts";
import { sceneSection } from "./view/scene.ts";
import { setupSection } from "./view/setup.ts";
import { complaintOf } from "./words.ts";

export { discovered } from "./memory.ts";

export interface PanelOptions {
  /** Without it the page's own `prefers-color-scheme` counts. */
  readonly theme?: "light" | "dark";
  /** As "de-CH"; without it the program's own. */
  readonly language?: string;
  /** Whether the port can be set; a page that the bridge serves has the bridge's. */
  readonly ports?: boolean;
  /** How a clip is granted where its path alone does not do: a file that a page sent. */
  readonly grant?: (clip: ClipSource) => Promise<string>;
  /** Saves a file of a result where the person cannot reach the bridge's folder; then results offer downloads. */
  readonly save?: (name: string, bytes: Uint8Array) => void;
  /** A pairing code that is at hand already. */
  readonly code?: string | null;
  /** Whether the setup is open, and in view, from the start. */
  readonly setup?: boolean;
  /** Whether a link opens beside the panel and not in its place. */
  readonly links?: boolean;
  /** Seconds; for tests. */
  readonly now?: () => number;
}

export interface Panel {
  unmount(): void;
  /** As the big button; over when the job is handed over, when the person is asked about the frame, or when it failed. */
  propagate(): Promise<void>;
  /** Stops the steps before a job, else cancels this panel's job that runs or waits. */
  cancel(): Promise<void>;
  /** Opens the setup and brings it into view. */
  showSetup(): void;
}

const TICK_MS = 1000;

export function mount(root: HTMLElement, bridge: Bridge, host: Host, options: PanelOptions = {}): Panel {
  const language = languageOf(options.language ?? (typeof navigator === "undefined" ? "" : (navigator.language ?? "")));
  const say = speaker(language);
  const store = new Store();
  const tools: Tools = {
    store,
    bridge,
    host,
    say,
    memory: new Memory(host.settings),
    grants: new Grants(options.grant ?? ((clip) => bridge.grant(clip.path))),
    now: options.now ?? (() => Date.now() / 1000),
    complaintOf: (thrown) => complaintOf(thrown, say),
  };
  const acting = new Acting(tools, options.save ?? null);
  const words = { say, fault: (complaint: Parameters<typeof translated>[0]) => translated(complaint, language) };

  const sections = [
    connectionSection(words, acting, options.ports ?? true),
    sceneSection(words, acting),
    choicesSection(words, acting),
    propagateSection(words, acting),
    queueSection(words, acting),
    compareSection(words, acting),
    resultsSection(words, acting, options.save !== undefined),
    setupSection(words, acting, options.links ?? false),
  ];
  const theme = options.theme === undefined ? "" : ` vs-${options.theme}`;
  const element = make(
    "div",
    { className: `vs-panel${theme}`, attributes: { lang: language } },
    ...sections.map((section) => section.element),
  );
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && acting.escape()) {
      event.preventDefault();
    }
  });
  root.appendChild(element);

  let drawn = true;
  const draw = (): void => {
    drawn = true;
    const now = tools.now();
    sections.forEach((section) => section.show(store.model, now));
  };
  const later = (): void => {
    if (drawn) {
      drawn = false;
      void Promise.resolve().then(() => {
        if (!drawn) {
          draw();
        }
      });
    }
  };
  const unsubscribe = store.subscribe(later);
  if (options.setup === true) {
    acting.setup.seek();
  }
  draw();
  // The time left changes without news.
  const ticking = setInterval(later, TICK_MS);
  const started = acting.start(options.code ?? null);

  return {
    unmount: () => {
      clearInterval(ticking);
      unsubscribe();
      acting.stopAll();
      element.remove();
    },
    propagate: () => started.then(() => acting.run.propagate()),
    cancel: () => acting.cancelOwn(),
    showSetup: () => acting.setup.seek(),
  };
}
