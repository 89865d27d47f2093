/** A clock that is turned by hand. */

import type { Clock } from "../../src/bridge/clock.ts";

interface Alarm {
  readonly at: number;
  readonly then: () => void;
}

export class Clockwork implements Clock {
  now = 0;
  private readonly alarms = new Set<Alarm>();

  after(milliseconds: number, then: () => void): () => void {
    const alarm = { at: this.now + milliseconds, then };
    this.alarms.add(alarm);
    return () => this.alarms.delete(alarm);
  }

  /** Turns the clock; what is due runs in its order, and what follows from it before the next. */
  async turn(milliseconds: number): Promise<void> {
    const until = this.now + milliseconds;
    await settled();
    for (let next = this.due(until); next !== null; next = this.due(until)) {
      this.alarms.delete(next);
      this.now = next.at;
      next.then();
      await settled();
    }
    this.now = until;
  }

  private due(until: number): Alarm | null {
    const due = [...this.alarms].filter(({ at }) => at <= until).sort((one, other) => one.at - other.at);
    return due[0] ?? null;
  }
}

/** Everything that promises can do without time has been done. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
