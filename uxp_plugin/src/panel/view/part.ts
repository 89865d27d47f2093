/** One part of the setup: how it stands, what is done to it, and what can be asked about it. */

import type { Setup } from "../../bridge/api.ts";
import type { Part, Work } from "../../bridge/generated.ts";
import { arrange, attribute, button, deliberate, field, make, put, reveal } from "../dom.ts";
import type { Model } from "../model.ts";
import { offerOf, placeOf } from "../setup.ts";
import { faultView } from "./fault.ts";
import { licenceView } from "./licence.ts";
import { partFacts, partName, partState, workCount } from "./part_words.ts";
import type { SetupActions, Words } from "./section.ts";

/** The hub hands a model out to accounts alone that agreed there. */
const CLOSED = "weights.not_accepted";

export interface PartView {
  readonly element: HTMLElement;
  show(model: Model, told: Setup, part: Part): void;
}

export function partView(words: Words, act: SetupActions, id: string, links: boolean): PartView {
  const { say } = words;
  const name = partName(id, say);
  const state = make("p", { className: "vs-state" });
  const facts = make("p", { className: "vs-faint" });
  const bar = make("progress", { className: "vs-bar", attributes: { "aria-label": say("job.progress", { clip: name }) } });
  const count = make("p", { className: "vs-count" });
  const todo = make("ul", { className: "vs-todo" });
  const [error, refusal] = [faultView(words), faultView(words, "alert")];
  const licence = licenceView(words, act, links);
  const token = field(say("setup.token"), { type: "password", spellcheck: "false", maxlength: "256" }, { submitted: () => go() });
  const install = button("", () => go());
  const stop = button(say("propagate.stop"), deliberate(() => act.stop(id)));
  const remove = button(say("act.remove"), deliberate(removed));
  const buttons = [install, stop, remove];
  let sure = false;
  remove.addEventListener("blur", () => ask(false));
  const said = make("div", { className: "vs-said" }, make("h4", { text: name }), state, facts);
  const head = make("div", { className: "vs-part" }, said, make("div", { className: "vs-buttons" }, ...buttons));
  const element = make(
    "li",
    { className: "vs-job" },
    ...[head, bar, count, todo, error.element, token.element, refusal.element, licence.element],
  );

  function go(): void {
    act.install([id], token.input.value.trim());
    token.input.value = "";
  }

  /** It deletes files: asked once more, on the same button. */
  function removed(): void {
    if (sure) {
      act.remove(id);
    }
    ask(!sure);
  }

  function ask(again: boolean): void {
    sure = again;
    label(remove, say(sure ? "act.remove.sure" : "act.remove"));
  }

  function label(made: HTMLButtonElement, text: string): void {
    put(made, text);
    attribute(made, "aria-label", say("job.button", { action: text, clip: name }));
  }

  ask(false);
  label(stop, say("propagate.stop"));

  return {
    element,
    show: ({ link, setup: { asked, agreeing } }, told, part) => {
      const place = placeOf(told, id);
      const offer = offerOf(told, part);
      const agreed = agreeing.length === 1 && agreeing[0] === id; // else it is asked for the whole method
      attribute(element, "data-state", dataState(part, place));
      put(state, partState(told, part, say));
      put(facts, partFacts(part, say));
      progress(place === "work" ? told.work : null);
      list(todo, place === null ? part.todo : []);
      error.show(place === null ? part.error : null);
      reveal(token.element, place === null && part.error?.code === CLOSED && !agreed);
      const how = asked.get(id);
      refusal.show(how === undefined || how === "asking" ? null : how);
      keepingFocus([...licence.stops(), ...buttons], () => {
        licence.show(agreed ? [part] : []);
        label(install, offer === null ? "" : say(`setup.${offer}`));
        reveal(install, offer !== null && !agreed);
        reveal(stop, place !== null);
        reveal(remove, part.removable && place === null && !agreed);
        return [...licence.stops(), ...buttons];
      });
      buttons.forEach((made) => {
        made.disabled = link.state !== "connected";
      });
    },
  };

  function progress(work: Work | null): void {
    reveal(bar, work !== null);
    if (work !== null && work.total > 0) {
      bar.max = work.total;
      bar.value = Math.min(work.done, work.total);
    } else {
      bar.removeAttribute("value");
    }
    const said = work === null ? [] : [workCount(work, say), work.note].filter((text) => text !== null);
    put(count, said.join(" · "));
  }
}

/** The colours are those of jobs. */
function dataState({ state, error }: Part, place: "work" | "waiting" | null): string {
  if (place !== null) {
    return place === "work" ? "running" : "queued";
  }
  if (state === "ready") {
    return "done";
  }
  return state === "damaged" || error !== null ? "failed" : "queued";
}

function list(element: HTMLElement, lines: readonly string[]): void {
  if (element.textContent !== lines.join("")) {
    arrange(
      element,
      lines.map((text) => make("li", { text })),
    );
  }
  reveal(element, lines.length > 0);
}

/** Change what can have the focus. Where it was on something that is hidden now, it goes on to the first that is not, so that
 * the keyboard stays here. */
export function keepingFocus(before: readonly HTMLElement[], change: () => readonly HTMLElement[]): void {
  const held = before.find((one) => one === document.activeElement) ?? null;
  const after = change();
  if (held !== null && !isVisible(held)) {
    after.find(isVisible)?.focus();
  }
}

function isVisible(element: HTMLElement): boolean {
  return element.isConnected && element.closest(".vs-hidden") === null;
}
