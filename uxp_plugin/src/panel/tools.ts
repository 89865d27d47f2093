/** What everything that acts for the panel shares: the bridge, the host, the model, and the grants of this connection. */

import type { Bridge } from "../bridge/api.ts";
import type { ClipSource, Host } from "../hosts/host.ts";
import type { Memory } from "./memory.ts";
import type { Store } from "./store.ts";
import type { Complaint, Say } from "./strings.ts";

export interface Tools {
  readonly store: Store;
  readonly bridge: Bridge;
  readonly host: Host;
  readonly memory: Memory;
  readonly grants: Grants;
  readonly say: Say;
  /** Seconds. */
  readonly now: () => number;
  readonly complaintOf: (thrown: unknown) => Complaint;
}

/** Grants end with the connection: each clip is granted once for each. */
export class Grants {
  readonly #asked = new Map<string, Promise<string>>();
  /** Rises with each connection; what was sent under another number is gone. */
  connection = 0;

  constructor(readonly grant: (clip: ClipSource) => Promise<string>) {}

  of(clip: ClipSource): Promise<string> {
    const known = this.#asked.get(clip.path);
    if (known !== undefined) {
      return known;
    }
    const asked = this.grant(clip);
    this.#asked.set(clip.path, asked);
    asked.catch(() => {
      if (this.#asked.get(clip.path) === asked) {
        this.#asked.delete(clip.path);
      }
    });
    return asked;
  }

  /** The clip is to be granted anew: it changed, or the bridge does not know the grant. */
  forget(clip: ClipSource): void {
    this.#asked.delete(clip.path);
  }

  lost(): void {
    this.#asked.clear();
    this.connection += 1;
  }
}
