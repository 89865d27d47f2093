/** What the parts of the view share. */

import type { Choice } from "../choice.ts";
import type { Model } from "../model.ts";
import type { Complaint, Say } from "../strings.ts";

export type JobAction =
  | "cancel"
  | "hold"
  | "release"
  | "up"
  | "retry"
  | "import"
  | "compare"
  | "rerun"
  | "reveal"
  | "remove"
  | "dismiss";

/** What the person can ask for of what is installed beside the bridge. */
export interface SetupActions {
  /** Open it and bring it into view. */
  seek(): void;
  /** Ask again how it stands. */
  watch(): void;
  /** One after the other; asks for what has to be agreed to first. `token`: of the person's account at the models' hub. */
  install(parts: readonly string[], token?: string): void;
  agree(): void;
  disagree(): void;
  remove(part: string): void;
  stop(part: string): void;
  /** A pairing code for another panel. */
  code(): void;
}

/** What the person can ask for. */
export interface Actions {
  readonly setup: SetupActions;
  pair(code: string): void;
  port(typed: string): void;
  retry(): void;
  chooseClip(): void;
  readClip(): void;
  typeFrame(typed: string): void;
  choose(changes: Partial<Choice>): void;
  savePreset(name: string): void;
  applyPreset(name: string): void;
  deletePreset(name: string): void;
  propagate(): void;
  estimate(): void;
  stop(): void;
  confirm(typed: string): void;
  queue(paused: boolean): void;
  job(name: JobAction, job: string): void;
  download(job: string, file: string): void;
  compareFrame(frame: number): void;
  compareClose(): void;
  open(what: Partial<Model["open"]>): void;
  forgive(): void;
}

export interface Words {
  readonly say: Say;
  readonly fault: (complaint: Complaint) => Complaint;
}

export interface Section {
  readonly element: HTMLElement;
  show(model: Model, now: number): void;
}
