/** What the page's address says behind its #, which browsers do not send: `CODE`, `CODE/setup`, `/setup`. */

export interface Arrival {
  /** The pairing code, or null. */
  readonly code: string | null;
  /** Whether the setup is what the person came for. */
  readonly setup: boolean;
}

export function arrivalOf(hash: string): Arrival {
  const [code = "", place = ""] = hash.replace(/^#/, "").split("/");
  return { code: code === "" ? null : code, setup: place === "setup" };
}
