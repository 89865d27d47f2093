/** Installs what is asked for, once its licence is agreed to, and knows when somebody wants to see how that stands. */

import type { Complaint } from "./strings.ts";
import type { SetupKnown } from "./setup.ts";
import { licensed } from "./setup.ts";
import type { Tools } from "./tools.ts";
import type { SetupActions } from "./view/section.ts";

export class SettingUp implements SetupActions {
  readonly #tools: Tools;
  /** The person's token for a part, until it is asked for; nothing else may see it. */
  readonly #tokens = new Map<string, string>();

  constructor(tools: Tools) {
    this.#tools = tools;
  }

  /** To be called at every change: the bridge starts a process to answer, so it is asked only when that is of use. */
  changed(): void {
    const { open, choice, setup } = this.#tools.store.model;
    if (!setup.watched && (open.setup || choice.method === "videoshop")) {
      this.#know({ watched: true });
      this.linked();
    }
  }

  /** To be called with each connection. */
  linked(): void {
    const { link, setup } = this.#tools.store.model;
    if (setup.watched && link.state === "connected") {
      this.watch();
    }
  }

  watch(): void {
    const { bridge, complaintOf } = this.#tools;
    this.#know({ refused: null });
    bridge.watchSetup().catch((thrown: unknown) => this.#know({ refused: complaintOf(thrown) }));
  }

  seek(): void {
    const { store } = this.#tools;
    store.dispatch({ type: "open", open: { setup: true } });
    this.#know({ sought: store.model.setup.sought + 1 });
  }

  install(parts: readonly string[], token = ""): void {
    parts.forEach((part) => this.#tokens.set(part, token));
    const { told } = this.#tools.store.model.setup;
    const wanted = told?.parts.filter(({ part }) => parts.includes(part)) ?? [];
    if (licensed(wanted).length > 0) {
      this.#know({ agreeing: parts });
    } else {
      void this.#inOrder(parts, false);
    }
  }

  agree(): void {
    const { agreeing } = this.#tools.store.model.setup;
    this.#know({ agreeing: [] });
    void this.#inOrder(agreeing, true);
  }

  disagree(): void {
    this.#tokens.clear();
    this.#know({ agreeing: [] });
  }

  remove(part: string): void {
    if (!this.#isAsked(part)) {
      void this.#ask(part, () => this.#tools.bridge.takeAway(part));
    }
  }

  stop(part: string): void {
    void this.#ask(part, () => this.#tools.bridge.stopSetUp(part));
  }

  code(): void {
    const { bridge, now, complaintOf } = this.#tools;
    this.#know({ code: "asking" });
    bridge.pairingCode().then(
      ({ code, seconds }) => this.#know({ code: { code, until: now() + seconds } }),
      (thrown: unknown) => this.#know({ code: complaintOf(thrown) }),
    );
  }

  /** One after the other, up to the first that is refused; what has no licence is accepted by nobody. */
  async #inOrder(parts: readonly string[], accepted: boolean): Promise<void> {
    const { store, bridge } = this.#tools;
    const bound = licensed(store.model.setup.told?.parts ?? []).map(({ part }) => part);
    for (const part of parts) {
      const token = this.#tokens.get(part) ?? "";
      const ask = (): Promise<void> => bridge.setUp(part, accepted && bound.includes(part), token === "" ? null : token);
      const taken = this.#isAsked(part) || (await this.#ask(part, ask));
      this.#tokens.delete(part);
      if (!taken) {
        return;
      }
    }
  }

  /** Whether a question about a part is not answered yet: one that was pressed twice is asked once. */
  #isAsked(part: string): boolean {
    return this.#tools.store.model.setup.asked.get(part) === "asking";
  }

  /** Whether it was taken. */
  async #ask(part: string, ask: () => Promise<void>): Promise<boolean> {
    const { store, complaintOf } = this.#tools;
    const told = (how: "asking" | Complaint | null): void => store.dispatch({ type: "setup asked", part, how });
    told("asking");
    try {
      await ask();
      told(null);
      return true;
    } catch (thrown) {
      told(complaintOf(thrown));
      return false;
    }
  }

  #know(changes: Partial<SetupKnown>): void {
    this.#tools.store.dispatch({ type: "setup", changes });
  }
}
