/** Where the playhead is, and when its frame is surely the clip's frame of the same number. */

import { askAll } from "./commands.ts";
import { timelineProperty } from "./descriptors.ts";
import type { Descriptor, Photoshop } from "./modules.ts";

export interface Timeline {
  /** From 0. */
  readonly frame: number;
  readonly rate: number;
  readonly frames: number;
}

/** What the bridge said of a clip that was opened with Videoshop. */
export interface ClipFacts {
  readonly frames: number;
  readonly rate: number;
  readonly constantRate: boolean;
}

/** The active document's timeline; null when it has none or Photoshop does not say. */
export async function readTimeline(photoshop: Photoshop): Promise<Timeline | null> {
  const asked = ["time", "frameRate", "frameCount"] as const;
  const [time, rate, frames] = await askAll(photoshop, asked.map(timelineProperty));
  const [rateNumber, framesNumber] = [numberIn(rate, "frameRate"), numberIn(frames, "frameCount")];
  if (rateNumber === null || framesNumber === null || framesNumber < 1 || rateNumber <= 0) return null;
  const frame = frameOf(time?.time, rateNumber);
  return frame === null ? null : { frame, rate: rateNumber, frames: framesNumber };
}

/** The playhead's frame alone. */
export async function readFrame(photoshop: Photoshop): Promise<number | null> {
  return (await readTimeline(photoshop))?.frame ?? null;
}

/** A timecode as a frame from 0. Absent members are 0; a second has as many frames as its rate, rounded, says. */
export function frameOf(timecode: unknown, documentRate: number): number | null {
  if (typeof timecode !== "object" || timecode === null) return null;
  const { minutes = 0, seconds = 0, frame = 0, frameRate = documentRate } = timecode as Record<string, unknown>;
  if (![minutes, seconds, frame, frameRate].every((one) => typeof one === "number" && Number.isFinite(one)))
    return null;
  const index = (Number(minutes) * 60 + Number(seconds)) * Math.round(Number(frameRate)) + Number(frame);
  return index >= 0 ? Math.round(index) : null;
}

/** The clip's frame under the playhead, where the timeline is the clip one to one; else null. */
export function clipFrame(timeline: Timeline | null, facts: ClipFacts | null, untouched: boolean): number | null {
  if (timeline === null || facts === null || !untouched || !facts.constantRate) return null;
  const same = timeline.frames === facts.frames && Math.abs(timeline.rate - facts.rate) < 0.005;
  return same && timeline.frame < facts.frames ? timeline.frame : null;
}

/** The playhead, as the panel keeps it with a job. */
export function placeOf(timeline: Timeline | null): string | null {
  return timeline === null ? null : `frame ${timeline.frame}`;
}

/** The frame of the timeline at which the clip begins, where the edit was one of its frames; null when unknown. */
export function beginning(place: string | null, frame: number | null, clipRate: number | null, rate: number): number | null {
  const playhead = /^frame (\d+)$/.exec(place ?? "")?.[1];
  if (playhead === undefined || frame === null || clipRate === null) return null;
  return Math.round(Number(playhead) - (frame * rate) / clipRate);
}

/** "30000/1001" as a number; null when it is none. */
export function rateOf(fraction: string): number | null {
  const [top, bottom = "1"] = fraction.split("/");
  const rate = Number(top) / Number(bottom);
  return Number.isFinite(rate) && rate > 0 ? rate : null;
}

function numberIn(descriptor: Descriptor | null | undefined, key: string): number | null {
  const value = descriptor?.[key];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
