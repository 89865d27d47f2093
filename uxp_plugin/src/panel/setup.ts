/** What can be installed beside the bridge, and what follows from how it stands: pure. */

import type { Setup } from "../bridge/api.ts";
import type { Part } from "../bridge/generated.ts";
import type { Complaint } from "./strings.ts";

export interface SetupKnown {
  /** null: not told yet. */
  readonly told: Setup | null;
  /** Whether somebody wants to know it; then it is asked again with each connection. */
  readonly watched: boolean;
  /** Why it is not told. */
  readonly refused: Complaint | null;
  /** By part: that a question is not answered yet, or what it was refused for. */
  readonly asked: ReadonlyMap<string, "asking" | Complaint>;
  /** Parts that are installed, in this order, as soon as the person agrees to their licences. */
  readonly agreeing: readonly string[];
  /** The pairing code that was asked for; `until` in seconds. */
  readonly code: { readonly code: string; readonly until: number } | "asking" | Complaint | null;
  /** Rises each time that it is to come into view. */
  readonly sought: number;
}

export const UNKNOWN: SetupKnown = {
  told: null,
  watched: false,
  refused: null,
  asked: new Map(),
  agreeing: [],
  code: null,
  sought: 0,
};

/** What is refused as long as the method's environment or a model is not installed, or not whole. */
export const UNINSTALLED: ReadonlySet<string> = new Set([
  "settings.method_unavailable",
  "engine.not_installed",
  "engine.damaged",
  "weights.not_installed",
  "weights.incomplete",
  "weights.part_missing",
  "weights.truncated",
  "weights.damaged",
]);

/** The method's environment; the other parts of its group are models, the preferred one first. */
export const ENGINE = "engine";

/** Whether something is done to a part, or will be next. */
export function placeOf({ work, waiting }: Setup, part: string): "work" | "waiting" | null {
  if (work?.part === part) {
    return "work";
  }
  return waiting.includes(part) ? "waiting" : null;
}

export type Offer = "install" | "continue" | "update" | "repair";

const OFFERS: Readonly<Record<Part["state"], Offer | null>> = {
  elsewhere: null,
  absent: "install",
  begun: "continue",
  outdated: "update",
  damaged: "repair",
  ready: null,
};

/** How a part can be installed now; null where it cannot, or need not. */
export function offerOf(told: Setup, part: Part): Offer | null {
  return placeOf(told, part.part) === null ? OFFERS[part.state] : null;
}

/** What the method `videoshop` lacks and nobody installs yet; `coming`: all of it is on its way; `elsewhere`: it is not to
 * be had on this system. */
export type Lack = "both" | "engine" | "model" | "elsewhere" | "coming";

export function lackOf(told: Setup): Lack | null {
  const { engine, models } = methodOf(told);
  if (engine?.state === "elsewhere") {
    return "elsewhere";
  }
  const coming = ({ part }: Part): boolean => placeOf(told, part) !== null && told.work?.doing !== "remove";
  const lacksEngine = engine !== null && engine.state !== "ready";
  const lacksModel = !models.some(({ state }) => state === "ready");
  const engineOpen = lacksEngine && !coming(engine);
  const modelOpen = lacksModel && !models.some(coming);
  if (engineOpen && modelOpen) {
    return "both";
  }
  if (engineOpen || modelOpen) {
    return engineOpen ? "engine" : "model";
  }
  return lacksEngine || lacksModel ? "coming" : null;
}

/** What is installed to have the whole method where neither its environment nor a model is there. */
export function wholeOf(told: Setup): readonly Part[] {
  const { engine, models } = methodOf(told);
  const [model] = models;
  const whole = engine === null || model === undefined ? [] : [engine, model];
  return lackOf(told) === "both" && whole.every((part) => offerOf(told, part) !== null) ? whole : [];
}

function methodOf({ parts }: Setup): { readonly engine: Part | null; readonly models: readonly Part[] } {
  const method = parts.filter(({ group }) => group === "videoshop");
  return {
    engine: method.find(({ part }) => part === ENGINE) ?? null,
    models: method.filter(({ part }) => part !== ENGINE),
  };
}

/** The parts with a licence that is to be agreed to before they are installed. */
export function licensed(parts: readonly Part[]): readonly Part[] {
  return parts.filter(({ licence, state }) => licence !== null && state !== "ready");
}

export function setupTold(known: SetupKnown, told: Setup): SetupKnown {
  const offered = (name: string): boolean => {
    const part = told.parts.find((one) => one.part === name);
    return part !== undefined && offerOf(told, part) !== null;
  };
  const agreeing = known.agreeing.every(offered) ? known.agreeing : [];
  return { ...known, told, agreeing, refused: null };
}

export function setupAsked(known: SetupKnown, part: string, how: "asking" | Complaint | null): SetupKnown {
  const asked = new Map(known.asked);
  if (how === null) {
    asked.delete(part);
  } else {
    asked.set(part, how);
  }
  return { ...known, asked };
}
