/** What outlives the page: secrets as long as the tab lives, the rest as long as the browser keeps it. */

import type { Settings } from "../host.ts";

const PREFIX = "videoshop.";

export class WebSettings implements Settings {
  constructor(
    private readonly tab: Storage,
    private readonly browser: Storage,
  ) {}

  async get(name: string): Promise<string | null> {
    return this.tab.getItem(PREFIX + name) ?? this.browser.getItem(PREFIX + name);
  }

  async set(name: string, value: string, { secret = false }: { secret?: boolean } = {}): Promise<void> {
    (secret ? this.tab : this.browser).setItem(PREFIX + name, value);
  }

  async remove(name: string): Promise<void> {
    this.tab.removeItem(PREFIX + name);
    this.browser.removeItem(PREFIX + name);
  }
}
