/** After Effects as a host of the panel. */

import { HostError } from "../host.ts";
import type { ClipSource, Host, Imported, Picture, ResultFiles, Scene, Settings } from "../host.ts";
import type { Calls, Origin, Seen } from "./calls.ts";
import { Origins } from "./origins.ts";
import { fromBase64, pictureOf } from "./still.ts";

export interface Surroundings {
  readonly calls: Calls;
  readonly settings: Settings;
  readonly read: (path: string, encoding?: "Base64") => string | null;
  /** How long After Effects may take to write a frame, and how often to look, in ms. */
  readonly patience?: number;
  readonly pause?: number;
  /** How often to ask whether the scene changed: After Effects tells nobody. */
  readonly beat?: number;
  readonly hidden?: () => boolean;
}

export async function afterEffects(around: Surroundings): Promise<AfterEffectsHost> {
  const { name, config } = await around.calls.hello();
  return new AfterEffectsHost(name, config, around);
}

export class AfterEffectsHost implements Host {
  readonly settings: Settings;
  readonly #around: Surroundings;
  readonly #origins: Origins;
  #last: Origin | null = null;

  constructor(
    readonly name: string,
    readonly config: string,
    around: Surroundings,
  ) {
    this.settings = around.settings;
    this.#around = around;
    this.#origins = new Origins(around.settings);
  }

  discover(): Promise<{ port: number | null; token: string | null }> {
    const { read } = this.#around;
    const token = (read(`${this.config}/token`) ?? "").trim();
    return Promise.resolve({ port: portIn(read(`${this.config}/bridge.json`)), token: /^[0-9a-f]{64}$/.test(token) ? token : null });
  }

  async look(): Promise<Scene> {
    const seen = await this.#around.calls.look();
    const { document, frame, mask, notes } = seen;
    return { document, clip: seen.clip ?? (await this.#chosen(seen)), frame, mask, thumbnail: null, notes };
  }

  async edited(): Promise<Picture> {
    const { clip } = await this.look();
    const { picture, origin } = await this.#take("picture");
    this.#last = origin;
    if (clip !== null) {
      await this.#origins.keep(clip.path, origin);
    }
    return picture;
  }

  async mask(): Promise<Picture | null> {
    const { mask } = await this.#around.calls.look();
    return mask === null ? null : (await this.#take("mask")).picture;
  }

  async chooseClip(): Promise<ClipSource | null> {
    const { key } = await this.#around.calls.look();
    const clip = await this.#around.calls.choose();
    if (clip !== null && key !== null) {
      await this.settings.set(`aftereffects.clip.${key}`, JSON.stringify(clip));
    }
    return clip;
  }

  async bringIn({ layer, flat, start, name, clip = null }: ResultFiles): Promise<Imported> {
    const origin = clip === null ? this.#last : await this.#origins.of(clip);
    return this.#around.calls.bring({ layer, flat, start, name, clip, origin });
  }

  reveal(path: string): Promise<void> {
    return this.#around.calls.reveal(path);
  }

  onChange(changed: () => void): () => void {
    const { calls, beat = 1000, hidden = () => false } = this.#around;
    let before: string | null = null;
    let asking = false;
    const timer = setInterval(() => {
      if (asking || hidden()) {
        return;
      }
      asking = true;
      // A host that is busy is asked again at the next beat.
      void calls.pulse().then(
        (now) => {
          asking = false;
          if (before !== null && now !== before) {
            changed();
          }
          before = now;
        },
        () => (asking = false),
      );
    }, beat);
    return () => clearInterval(timer);
  }

  async #chosen({ key }: Seen): Promise<ClipSource | null> {
    const text = key === null ? null : await this.settings.get(`aftereffects.clip.${key}`);
    return text === null ? null : (JSON.parse(text) as ClipSource);
  }

  async #take(what: "picture" | "mask"): Promise<{ picture: Picture; origin: Origin }> {
    const { calls, read, patience = 120_000, pause = 100 } = this.#around;
    const begun = await calls.begin(what);
    try {
      const until = Date.now() + patience;
      while (!(await calls.ready(begun.path))) {
        if (Date.now() > until) {
          const seconds = Math.round(patience / 1000);
          throw new HostError("frame.too_slow", `After Effects did not write the frame within ${seconds} s.`, "Wait until After Effects is idle, and try again.");
        }
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
      const text = read(begun.path, "Base64");
      if (text === null) {
        throw new HostError("frame.unreadable", "The frame that After Effects wrote cannot be read.", "Try again.");
      }
      return { picture: pictureOf(fromBase64(text), begun), origin: begun.origin };
    } finally {
      await calls.discard(begun.path);
    }
  }
}

function portIn(text: string | null): number | null {
  if (text === null) {
    return null;
  }
  try {
    const { port } = JSON.parse(text) as { port?: unknown };
    return typeof port === "number" ? port : null;
  } catch {
    return null; // being written just now
  }
}
