/** Set up: what can be installed beside the bridge, and a code for another panel. */

import type { Setup } from "../../bridge/api.ts";
import type { Part } from "../../bridge/generated.ts";
import { attribute, button, intoView, Keyed, make, put, reveal } from "../dom.ts";
import type { Model } from "../model.ts";
import { wholeOf } from "../setup.ts";
import { duration, memory } from "../words.ts";
import { faultView } from "./fault.ts";
import { licenceView } from "./licence.ts";
import { keepingFocus, partView } from "./part.ts";
import { partName, partState } from "./part_words.ts";
import type { Actions, Section, SetupActions, Words } from "./section.ts";

interface Piece {
  readonly element: HTMLElement;
  show(model: Model, told: Setup): void;
}

export function setupSection(words: Words, act: Actions, links: boolean): Section {
  const { say } = words;
  const toggle = button(say("setup.title"), () => act.open({ setup: !open }), "vs-quiet vs-toggle");
  toggle.setAttribute("aria-label", say("setup.title")); // without the style sheet's triangle
  const brief = make("p", { className: "vs-faint" });
  const news = newsPart(words);
  const looking = make("p", { className: "vs-faint" });
  const refused = faultView(words, "alert");
  const again = button(say("connection.retry"), () => act.setup.watch());
  refused.element.appendChild(again);
  const [panels, method] = [panelsPart(words, act.setup, links), methodPart(words, act.setup, links)];
  const code = codePart(words, act.setup);
  const body = make(
    "div",
    { className: "vs-body" },
    ...[looking, refused.element, panels.element, code.element, method.element],
  );
  const element = make("section", { className: "vs-setup" }, make("h2", {}, toggle), brief, news.element, body);
  let open = false;
  let sought = 0;
  let early = false; // it was brought into view before there was all of it

  return {
    element,
    show: (model, now) => {
      const { setup, link } = model;
      const { told } = setup;
      open = model.open.setup;
      attribute(toggle, "aria-expanded", String(open));
      reveal(body, open);
      const connected = link.state === "connected";
      put(looking, told !== null || setup.refused !== null ? null : say(connected ? "setup.looking" : "setup.later"));
      refused.show(setup.refused);
      again.disabled = !connected;
      for (const piece of [panels, method, news]) {
        reveal(piece.element, told !== null);
        if (told !== null) {
          piece.show(model, told);
        }
      }
      put(brief, open || told === null ? null : underWay(told));
      code.show(model, now);
      if (setup.sought !== sought) {
        sought = setup.sought;
        early = told === null;
        toggle.focus();
        intoView(element);
      } else if (early && told !== null) {
        early = false;
        intoView(element);
      }
    },
  };

  function underWay(told: Setup): string | null {
    const part = told.parts.find((one) => one.part === told.work?.part);
    return part === undefined ? null : changed(told, part, words);
  }
}

function changed(told: Setup, part: Part, { say }: Words): string {
  return say("job.changed", { clip: partName(part.part, say), state: partState(told, part, say) });
}

/** Read aloud: what a part is at now, when that is another thing than before. */
function newsPart(words: Words): Piece {
  const element = make("p", { className: "vs-heard", attributes: { role: "status", "aria-live": "polite" } });
  let before = new Map<string, string>();
  return {
    element,
    show: (_, told) => {
      const now = new Map(told.parts.map((part) => [part.part, changed(told, part, words)]));
      const said = Array.from(now).filter(([part, text]) => before.has(part) && before.get(part) !== text);
      if (said.length > 0) {
        put(element, said.map(([, text]) => text).join(" "));
      }
      before = now;
    },
  };
}

function partsOf({ parts }: Setup, group: Part["group"]): readonly Part[] {
  return parts.filter((part) => part.group === group);
}

/** The rows of one group. */
function rowsPart(words: Words, act: SetupActions, links: boolean, group: Part["group"], title: string): Piece {
  const element = make("ul", { className: "vs-list", attributes: { "aria-label": title } });
  const rows = new Keyed(element, (name) => partView(words, act, name, links));
  return {
    element,
    show: (model, told) => {
      const parts = partsOf(told, group);
      rows.show(
        parts.map(({ part }) => part),
        (row, _, index) => {
          const part = parts[index];
          if (part !== undefined) {
            row.show(model, told, part);
          }
        },
      );
    },
  };
}

function panelsPart(words: Words, act: SetupActions, links: boolean): Piece {
  const { say } = words;
  const elsewhere = make("p", { className: "vs-faint" });
  const rows = rowsPart(words, act, links, "panels", say("setup.panels"));
  return {
    element: make("div", { className: "vs-group" }, make("h3", { text: say("setup.panels") }), elsewhere, rows.element),
    show: (model, told) => {
      const none = partsOf(told, "panels").every(({ state }) => state === "elsewhere");
      put(elsewhere, none ? say("setup.panels.elsewhere") : null);
      reveal(rows.element, !none);
      rows.show(model, told);
    },
  };
}

/** The method's parts; where it has neither environment nor model, one button for both. */
function methodPart(words: Words, act: SetupActions, links: boolean): Piece {
  const { say } = words;
  const hint = make("p", { className: "vs-hint", text: say("setup.method.hint") });
  const all = button(say("setup.all"), () => act.install(names), "vs-go");
  const about = make("p", { className: "vs-hint" });
  const licence = licenceView(words, act, links);
  const rows = rowsPart(words, act, links, "videoshop", say("setup.method"));
  let names: readonly string[] = [];
  return {
    element: make(
      "div",
      { className: "vs-group" },
      ...[make("h3", { text: say("setup.method") }), hint, all, about, licence.element, rows.element],
    ),
    show: (model, told) => {
      const whole = wholeOf(told);
      names = whole.map(({ part }) => part);
      const agreed = model.setup.agreeing.length > 1;
      const size = memory(whole.reduce((sum, part) => sum + (part.size ?? 0), 0));
      rows.show(model, told);
      keepingFocus([...licence.stops(), all], () => {
        licence.show(agreed ? whole : []);
        reveal(all, whole.length > 0 && !agreed);
        return [...licence.stops(), all, ...Array.from(rows.element.querySelectorAll("button"))];
      });
      put(about, whole.length === 0 ? null : say("setup.all.hint", { parts: whole.map(({ part }) => partName(part, say)).join(" + "), size }));
      all.disabled = model.link.state !== "connected";
    },
  };
}

/** A pairing code, as long as it is good. */
function codePart(words: Words, act: SetupActions): { element: HTMLElement; show(model: Model, now: number): void } {
  const { say } = words;
  const ask = button(say("setup.code"), () => act.code());
  const shown = make("p", { className: "vs-pairing", attributes: { role: "status" } });
  const hint = make("p", { className: "vs-hint" });
  const refused = faultView(words, "alert");
  return {
    element: make("div", { className: "vs-group" }, ask, shown, hint, refused.element),
    show: ({ link, setup: { code: known } }, now) => {
      ask.disabled = link.state !== "connected" || known === "asking";
      const given = known !== null && known !== "asking" && "until" in known ? known : null;
      const left = given === null ? 0 : given.until - now;
      put(shown, left > 0 ? given?.code : null);
      put(hint, given === null ? null : left > 0 ? say("setup.code.hint", { time: duration(left, say) }) : say("setup.code.over"));
      refused.show(known !== null && known !== "asking" && !("until" in known) ? known : null);
    },
  };
}
