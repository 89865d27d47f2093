/** What the person chose for the next job: pure, with its limits and the parameters that it becomes. */

import type { JobParams } from "../bridge/generated.ts";
import type { Key, Values } from "./strings.ts";

export const METHODS = ["flow", "videoshop"] as const;
export const TRANSFERS = ["auto", "appearance", "opaque", "removal"] as const;
export const FORMATS = ["mov", "mp4", "mkv", "png"] as const;

export type Method = (typeof METHODS)[number];
export type Transfer = (typeof TRANSFERS)[number];
export type Format = (typeof FORMATS)[number];

export interface Choice {
  readonly method: Method;
  /** Source frames, the last included; null: the whole clip. */
  readonly range: { readonly first: number; readonly last: number } | null;
  /** null: the method's own. NaN: what was typed is no number. */
  readonly strength: number | null;
  readonly guidance: number | null;
  readonly seed: number;
  readonly transfer: Transfer;
  readonly formats: readonly Format[];
}

export const DEFAULT: Choice = {
  method: "flow",
  range: null,
  strength: null,
  guidance: null,
  seed: 0,
  transfer: "auto",
  formats: ["mov", "mp4"],
};

/** The engine's own values, shown where nothing is typed. */
export const OWN = { strength: 0.55, guidance: 4 } as const;

const SEED_MOST = 2 ** 31 - 1;

export interface Reason {
  readonly key: Key;
  readonly values?: Values;
}

/** Why a choice cannot be run on a clip of `frames` frames edited at `frame`; null if it can. */
export function objection(choice: Choice, frames: number, frame: number | null): Reason | null {
  const last = frames - 1;
  if (frame !== null && !within(frame, 0, last)) {
    return { key: "why.frame", values: { frame, last } };
  }
  if (choice.range !== null) {
    const { first, last: end } = choice.range;
    if (!within(first, 0, last) || !within(end, first, last)) {
      return { key: "why.range", values: { last } };
    }
    if (frame !== null && !within(frame, first, end)) {
      return { key: "why.outside", values: { frame } };
    }
  }
  if (choice.method === "videoshop") {
    if (choice.strength !== null && !(choice.strength > 0 && choice.strength <= 1)) {
      return { key: "why.strength" };
    }
    if (choice.guidance !== null && !(choice.guidance >= 1 && choice.guidance <= 20)) {
      return { key: "why.guidance" };
    }
    if (!within(choice.seed, 0, SEED_MOST)) {
      return { key: "why.seed" };
    }
  }
  return choice.formats.length === 0 ? { key: "why.formats" } : null;
}

function within(n: number, least: number, most: number): boolean {
  return Number.isInteger(n) && n >= least && n <= most;
}

/** The part of a job's parameters that is chosen; the same, whole, are the changes of a re-run. */
export interface Chosen {
  readonly range: { readonly start: number; readonly stop: number | null };
  readonly method: Method;
  readonly formats: NonNullable<JobParams["formats"]>;
  readonly settings: Readonly<Record<string, string>>;
  readonly seed: number;
}

export function chosen(choice: Choice): Chosen {
  const { range, method, seed } = choice;
  return {
    range: range === null ? { start: 0, stop: null } : { start: range.first, stop: range.last + 1 },
    method,
    formats: formatsOf(choice.formats),
    settings: settingsOf(choice),
    seed: method === "videoshop" ? seed : 0,
  };
}

function settingsOf({ method, strength, guidance, transfer }: Choice): Record<string, string> {
  const settings: Record<string, string> = {};
  if (method === "flow") {
    if (transfer !== DEFAULT.transfer) {
      settings["transfer"] = transfer;
    }
    return settings;
  }
  if (strength !== null) {
    settings["strength"] = String(strength);
  }
  if (guidance !== null) {
    settings["guidance_first"] = String(guidance);
    settings["guidance_last"] = String(guidance);
  }
  return settings;
}

/** As the protocol has them: one to four. Throws a RangeError for none: `objection` comes first. */
function formatsOf(formats: readonly Format[]): NonNullable<JobParams["formats"]> {
  const [a, b, c, d] = formats;
  if (a === undefined) {
    throw new RangeError("No format is chosen.");
  }
  if (b === undefined) {
    return [a];
  }
  if (c === undefined) {
    return [a, b];
  }
  return d === undefined ? [a, b, c] : [a, b, c, d];
}

export interface Preset {
  readonly name: string;
  readonly choice: Choice;
}

/** Presets with `preset` among them, by name; one of the same name is replaced. A range belongs to a clip and is not kept. */
export function withPreset(presets: readonly Preset[], { name, choice }: Preset): readonly Preset[] {
  const others = presets.filter((one) => one.name !== name);
  return [...others, { name, choice: { ...choice, range: null } }].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A choice out of what was kept: what is missing or not allowed any more is the default. */
export function choiceOf(kept: unknown): Choice {
  const from: Record<string, unknown> = isRecord(kept) ? kept : {};
  const formats = Array.isArray(from["formats"]) ? FORMATS.filter((one) => (from["formats"] as unknown[]).includes(one)) : [];
  return {
    method: METHODS.find((one) => one === from["method"]) ?? DEFAULT.method,
    range: null,
    strength: numberOf(from["strength"]),
    guidance: numberOf(from["guidance"]),
    seed: numberOf(from["seed"]) ?? DEFAULT.seed,
    transfer: TRANSFERS.find((one) => one === from["transfer"]) ?? DEFAULT.transfer,
    formats: formats.length > 0 ? formats : DEFAULT.formats,
  };
}

export function presetsOf(kept: unknown): readonly Preset[] {
  const list: unknown[] = Array.isArray(kept) ? kept : [];
  return list.flatMap((one) =>
    isRecord(one) && typeof one["name"] === "string" ? [{ name: one["name"], choice: choiceOf(one["choice"]) }] : [],
  );
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
