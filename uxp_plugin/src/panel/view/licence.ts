/** What has to be agreed to before something is installed. */

import type { Part } from "../../bridge/generated.ts";
import { button, Keyed, make, put, reveal } from "../dom.ts";
import { licensed } from "../setup.ts";
import { partName } from "./part_words.ts";
import type { SetupActions, Words } from "./section.ts";

export interface LicenceView {
  readonly element: HTMLElement;
  /** What of it can have the focus, first to last; the address comes first, so that nothing is agreed to by haste. */
  readonly stops: () => readonly HTMLElement[];
  show(parts: readonly Part[]): void;
}

/** `links`: whether an address can be opened from here; else it can be selected and copied. */
export function licenceView({ say }: Words, act: SetupActions, links: boolean): LicenceView {
  const list = make("div");
  const licences = new Keyed(list, (name) => {
    const title = make("p", { className: "vs-strong" });
    const rule = make("p");
    const terms = address(say("setup.terms"), links);
    const element = make("div", {}, title, rule, terms.element);
    return { element, name, title, rule, terms };
  });
  const agree = button(say("setup.agree"), () => act.agree(), "vs-go");
  const no = button(say("confirm.no"), () => act.disagree());
  const element = make(
    "div",
    { className: "vs-confirm", attributes: { role: "group" } },
    list,
    make("div", { className: "vs-buttons" }, agree, no),
  );
  return {
    element,
    stops: () => [...Array.from(list.querySelectorAll<HTMLElement>("a, input")), agree, no],
    show: (parts) => {
      const bound = licensed(parts);
      reveal(element, bound.length > 0);
      element.setAttribute("aria-label", bound.map((part) => say("setup.licence.of", { part: partName(part.part, say) })).join(", "));
      licences.show(
        bound.map(({ part }) => part),
        ({ title, rule, terms }, name) => {
          const part = bound.find((one) => one.part === name);
          const licence = part?.licence ?? null;
          const named = licence === null ? null : say(part?.group === "panels" ? "setup.consent" : "setup.licence", { name: licence.name });
          put(title, named);
          put(rule, licence?.rule);
          terms.show(licence?.terms ?? "");
        },
      );
    },
  };
}

function address(label: string, links: boolean): { element: HTMLElement; show(url: string): void } {
  if (links) {
    const link = make("a", { attributes: { target: "_blank", rel: "noopener noreferrer" } });
    return {
      element: make("p", {}, make("span", { className: "vs-label", text: label }), link),
      show: (url) => {
        put(link, url);
        if (url.startsWith("https://")) {
          link.setAttribute("href", url);
        }
      },
    };
  }
  const input = make("input", { attributes: { type: "text", readonly: "" } });
  const element = make("label", { className: "vs-field" }, make("span", { className: "vs-label", text: label }), input);
  return {
    element,
    show: (url) => {
      if (input.value !== url) {
        input.value = url;
      }
    },
  };
}
