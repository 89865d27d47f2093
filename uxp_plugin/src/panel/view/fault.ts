/** A complaint: what is wrong, what to do, and its code; where something is not installed, how to install it here. */

import { button, make, put, reveal } from "../dom.ts";
import { UNINSTALLED } from "../setup.ts";
import type { Complaint } from "../strings.ts";
import type { SetupActions, Words } from "./section.ts";

export interface FaultView {
  readonly element: HTMLElement;
  show(complaint: Complaint | null): void;
}

/** `setup`: what leads to the setup; without it the complaint's own hint is all that helps. */
export function faultView(words: Words, role: "alert" | null = null, setup: SetupActions | null = null): FaultView {
  const { say, fault } = words;
  const message = make("p", { className: "vs-error" });
  const hint = make("p", { className: "vs-hint" });
  const code = make("p", { className: "vs-code" });
  const setUp = button(say("setup.open"), () => setup?.seek());
  const attributes: Record<string, string> = role === null ? {} : { role };
  const element = make("div", { className: "vs-fault", attributes }, message, hint, code, setUp);
  reveal(element, false);
  return {
    element,
    show: (complaint) => {
      const shown = complaint === null ? null : fault(complaint);
      put(message, shown?.message);
      const helped = setup !== null && shown !== null && UNINSTALLED.has(shown.code);
      put(hint, helped ? say("setup.fault.hint") : shown?.hint);
      reveal(setUp, helped);
      put(code, shown === null ? null : say("job.code", { code: shown.code }));
      reveal(element, shown !== null);
    },
  };
}
