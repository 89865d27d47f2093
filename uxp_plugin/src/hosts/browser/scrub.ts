/** Small frames of a clip to scrub through: the newest wish first, and those seen lately kept. */

import type { Bridge } from "../../bridge/api.ts";

const KEPT = 60;

export class Scrub {
  readonly #bridge: Bridge;
  readonly #shown: (frame: number, url: string) => void;
  readonly #failed: (thrown: unknown) => void;
  readonly #urls = new Map<number, string>();
  #grant: string | null = null;
  #wanted: number | null = null;
  #fetching = false;

  constructor(bridge: Bridge, shown: (frame: number, url: string) => void, failed: (thrown: unknown) => void) {
    this.#bridge = bridge;
    this.#shown = shown;
    this.#failed = failed;
  }

  /** Another clip, or the same under another grant, whose frames are the same. */
  open(grant: string | null, same: boolean): void {
    this.#grant = grant;
    if (!same) {
      this.#urls.forEach((url) => URL.revokeObjectURL(url));
      this.#urls.clear();
    }
  }

  show(frame: number): void {
    const known = this.#urls.get(frame);
    if (known !== undefined) {
      this.#wanted = null;
      this.#shown(frame, known);
      return;
    }
    this.#wanted = frame;
    if (!this.#fetching) {
      void this.#fetch();
    }
  }

  async #fetch(): Promise<void> {
    this.#fetching = true;
    while (this.#wanted !== null && this.#grant !== null) {
      const [frame, grant] = [this.#wanted, this.#grant];
      this.#wanted = null;
      try {
        const jpeg = await this.#bridge.frame(grant, frame, true);
        if (grant === this.#grant) {
          const url = URL.createObjectURL(new Blob([new Uint8Array(jpeg)], { type: "image/jpeg" }));
          this.#keep(frame, url);
          if (this.#wanted === null) {
            this.#shown(frame, url);
          }
        }
      } catch (thrown) {
        if (grant === this.#grant) {
          this.#failed(thrown);
        }
      }
    }
    this.#fetching = false;
  }

  #keep(frame: number, url: string): void {
    this.#urls.set(frame, url);
    const [oldest] = this.#urls.keys();
    if (this.#urls.size > KEPT && oldest !== undefined) {
      URL.revokeObjectURL(this.#urls.get(oldest) ?? "");
      this.#urls.delete(oldest);
    }
  }
}
