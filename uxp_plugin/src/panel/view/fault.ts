/** A complaint: what is wrong, what to do, and its code. */

import { make, put, reveal } from "../dom.ts";
import type { Complaint } from "../strings.ts";
import type { Words } from "./section.ts";

export interface FaultView {
  readonly element: HTMLElement;
  show(complaint: Complaint | null): void;
}

export function faultView({ say, fault }: Words, role: "alert" | null = null): FaultView {
  const message = make("p", { className: "vs-error" });
  const hint = make("p", { className: "vs-hint" });
  const code = make("p", { className: "vs-code" });
  const element = make("div", { className: "vs-fault", attributes: role === null ? {} : { role } }, message, hint, code);
  return {
    element,
    show: (complaint) => {
      const shown = complaint === null ? null : fault(complaint);
      put(message, shown?.message);
      put(hint, shown?.hint);
      put(code, shown === null ? null : say("job.code", { code: shown.code }));
      reveal(element, shown !== null);
    },
  };
}
