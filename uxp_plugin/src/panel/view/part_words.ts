/** How a part of the setup, and what is done to it, is called. */

import type { Setup } from "../../bridge/api.ts";
import type { Part, Work } from "../../bridge/generated.ts";
import { placeOf } from "../setup.ts";
import { isKey } from "../strings.ts";
import type { Say } from "../strings.ts";
import { memory } from "../words.ts";

/** A part that a newer bridge knows is called as the bridge calls it. */
export function partName(part: string, say: Say): string {
  const key = `setup.part.${part}`;
  return isKey(key) ? say(key) : part;
}

/** What is done to a part, else that it waits, else how it stands. */
export function partState(told: Setup, { part, state }: Part, say: Say): string {
  const { work } = told;
  if (work !== null && work.part === part) {
    return say(work.doing === "remove" ? "setup.removing" : `setup.phase.${work.phase}`);
  }
  return say(placeOf(told, part) === "waiting" ? "setup.waiting" : `setup.state.${state}`);
}

/** How far it is, or null where nothing is counted. */
export function workCount({ done, total, unit }: Work, say: Say): string | null {
  if (total === 0) {
    return null;
  }
  return unit === "packages"
    ? say("setup.packages", { done, total })
    : say("job.count", { done: memory(done), total: memory(total) });
}

/** What it is here, and the room that it takes. */
export function partFacts({ size, note, state }: Part, say: Say): string | null {
  const room = size === null ? null : state === "ready" ? memory(size) : say("setup.size", { size: memory(size) });
  const facts = [note, room].filter((fact) => fact !== null);
  return facts.length === 0 ? null : facts.join(" · ");
}
