/** Where frames were taken, by clip: a result that comes back hours later, to another panel, goes there. */

import type { Settings } from "../host.ts";
import type { Origin } from "./calls.ts";

const NAME = "aftereffects.origins";
const KEPT = 50;

export class Origins {
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async of(clip: string): Promise<Origin | null> {
    return (await this.#all()).find(([path]) => path === clip)?.[1] ?? null;
  }

  async keep(clip: string, origin: Origin): Promise<void> {
    const others = (await this.#all()).filter(([path]) => path !== clip);
    await this.#settings.set(NAME, JSON.stringify([[clip, origin], ...others].slice(0, KEPT)));
  }

  async #all(): Promise<[string, Origin][]> {
    const text = await this.#settings.get(NAME);
    return text === null ? [] : (JSON.parse(text) as [string, Origin][]);
  }
}
