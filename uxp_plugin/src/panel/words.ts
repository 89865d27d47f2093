/** Numbers and faults as words. */

import { BridgeFault } from "../bridge/api.ts";
import { HostError } from "../hosts/host.ts";
import type { Complaint, Say } from "./strings.ts";

/** "8 s", "3 min", "2 h 5 min". */
export function duration(seconds: number, say: Say): string {
  const minutes = Math.round(seconds / 60);
  if (seconds < 59.5) {
    return say("time.seconds", { n: Math.max(1, Math.round(seconds)) });
  }
  return minutes < 60
    ? say("time.minutes", { n: minutes })
    : say("time.hours", { h: Math.floor(minutes / 60), n: minutes % 60 });
}

/** Bytes as "850 MB" or "2.1 GB". */
export function memory(bytes: number): string {
  const mega = bytes / 1e6;
  return mega < 1000 ? `${Math.max(1, Math.round(mega))} MB` : `${(mega / 1000).toFixed(1)} GB`;
}

/** "30000/1001" as "29.97". */
export function rate(fps: string): string {
  const [above = "0", below = "1"] = fps.split("/");
  const value = Number(above) / Number(below);
  return Number.isFinite(value) ? String(Math.round(value * 100) / 100) : fps;
}

export function percent(part: number): number {
  return Math.round(Math.min(1, Math.max(0, part)) * 100);
}

/** What a thrown thing says to the person. */
export function complaintOf(thrown: unknown, say: Say): Complaint {
  if (thrown instanceof BridgeFault) {
    const { code, message, hint } = thrown.fault;
    return { code, message, hint };
  }
  if (thrown instanceof HostError) {
    return { code: thrown.code, message: thrown.message, hint: thrown.hint };
  }
  const detail = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return {
    code: "panel.unexpected",
    message: say("fault.unexpected", { detail }),
    hint: say("fault.unexpected.hint"),
  };
}
