/** What the client itself refuses or fails at; everything else is the bridge's own `error`. */

import { BridgeFault, type Trouble } from "./api.ts";

/** There is no connection, and why. `detail` is for the person: the port, the versions, the closing code. */
export class Refusal extends Error {
  constructor(
    readonly trouble: Trouble,
    readonly detail: string,
  ) {
    super(detail);
    this.name = "Refusal";
  }
}

/** The connection ended while something waited for it. */
export class Lost extends Error {
  constructor() {
    super("The connection ended.");
    this.name = "Lost";
  }
}

const SENTENCES: Readonly<Record<Trouble, readonly [message: string, hint: string]>> = {
  not_installed: ["The Videoshop bridge was not found on this computer.", "Install it, then start it."],
  not_running: ["The bridge is not running.", "Start it from its tray icon or with `videoshop serve`."],
  version: ["The bridge and this panel are of different versions.", "Update the older of the two."],
  not_paired: ["This panel is not paired with the bridge.", "Type the pairing code that `videoshop pair` shows."],
  wrong_code: ["This is not the pairing code.", "Ask for a new one with `videoshop pair` and type it."],
  not_trusted: ["The bridge does not know this panel any more.", "Pair again with the code that `videoshop pair` shows."],
  port_taken: ["Another program answers on the bridge's port.", "End that program and start the bridge again."],
  closed: ["The connection to the bridge is closed.", "Connect again."],
};

const RETRYABLE: ReadonlySet<Trouble> = new Set<Trouble>(["not_installed", "not_running", "port_taken", "closed"]);

export function unreachable(trouble: Trouble): BridgeFault {
  const [message, hint] = SENTENCES[trouble];
  return fault(`bridge.${trouble}`, message, hint, RETRYABLE.has(trouble));
}

export function noConnection(seconds: number, trouble: Trouble | null): BridgeFault {
  const hint = trouble === null ? "Try again in a moment." : SENTENCES[trouble].join(" ");
  return fault("bridge.no_connection", `There was no connection to the bridge within ${seconds} seconds.`, hint, true);
}

export function sizeDiffers(came: number, size: number): BridgeFault {
  const hint = "Send it again; it may have changed meanwhile.";
  return fault("transfer.size_differs", `What was sent has ${came} bytes and not ${size}.`, hint, true);
}

export function damaged(name: string): BridgeFault {
  return fault("transfer.corrupt", `“${name}” was damaged on its way.`, "Fetch it again.", true);
}

export function misunderstood(question: string, answer: string): BridgeFault {
  const message = `The bridge answered ${question} with ${answer}.`;
  return fault("message.malformed", message, "Update the older of the bridge and this panel.", false);
}

export function clipChanged(name: string): BridgeFault {
  return fault("grant.changed", `“${name}” is not the clip any more that was chosen.`, "Choose the clip again.", false);
}

function fault(code: string, message: string, hint: string, retryable: boolean): BridgeFault {
  return new BridgeFault({ code, message, hint, retryable, ref: null });
}
