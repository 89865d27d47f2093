/** What Photoshop's host refuses or fails at, each named after the fault. */

import { HostError } from "../host.ts";

export const faults = {
  noDocument: () =>
    new HostError(
      "photoshop.no_document",
      "No document is open in Photoshop.",
      "Open the clip with Videoshop, go to a frame and paint on it.",
    ),
  busy: () =>
    new HostError(
      "photoshop.busy",
      "Photoshop is busy with another command or dialog.",
      "Finish or close it, then try again.",
    ),
  cancelled: () =>
    new HostError("photoshop.cancelled", "It was cancelled in Photoshop.", "Start it again when you are ready."),
  changed: () =>
    new HostError(
      "photoshop.changed",
      "The document or the playhead moved while the frame was read.",
      "Try again without painting or playing for a moment.",
    ),
  unreadable: (why: string) =>
    new HostError(
      "photoshop.frame_unreadable",
      `Photoshop could not give the frame: ${sentence(why)}`,
      "Save the document, open it again and retry; a flattened copy may help.",
    ),
  size: (width: number, height: number) =>
    new HostError(
      "photoshop.size",
      `Photoshop gave a picture of another size than the document's ${width} × ${height}.`,
      "Save the document, open it again and retry.",
    ),
  resultGone: (name: string) =>
    new HostError(
      "photoshop.result_gone",
      `The finished file ${name} cannot be found or read by Photoshop.`,
      "Check that it was not moved, and that the plugin may read files.",
    ),
  cannotReveal: (path: string) =>
    new HostError("photoshop.cannot_reveal", "Photoshop did not open the folder.", `Open it yourself: ${path}`),
};

/** A command that Photoshop refused: what batchPlay resolved with. */
export class CommandRefused extends Error {
  constructor(
    readonly command: string,
    readonly result: number | null,
    message: string,
  ) {
    super(`${command}: ${message}`);
    this.name = "CommandRefused";
  }
}

export function reason(error: unknown): string {
  return error instanceof Error && error.message !== "" ? error.message : String(error);
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
