/** The estimate, the big button and why it is not to be pressed, the steps before a job is the bridge's, and the question about the frame. */

import { attribute, button, field, make, picture, put, reveal } from "../dom.ts";
import { obstacle, SURE } from "../model.ts";
import type { Model, Step } from "../model.ts";
import { UNINSTALLED } from "../setup.ts";
import { duration, memory, percent } from "../words.ts";
import { faultView } from "./fault.ts";
import type { Actions, Section, Words } from "./section.ts";

export function propagateSection(words: Words, act: Actions): Section {
  const { say } = words;
  const estimate = estimateView(words, act);
  const go = button(say("propagate"), () => act.propagate(), "vs-go");
  const first = button(say("estimate"), () => act.estimate(), "vs-quiet");
  const why = make("p", { className: "vs-hint" });
  const bar = make("progress", { className: "vs-bar", attributes: { max: "1" } });
  const step = make("p", { className: "vs-step", attributes: { role: "status" } });
  const stop = button(say("propagate.stop"), () => act.stop());
  const working = make("div", { className: "vs-working" }, step, bar, stop);
  const complaint = faultView(words, "alert", act.setup);
  const dismiss = button(say("act.dismiss"), () => act.forgive(), "vs-quiet");
  complaint.element.appendChild(dismiss);
  const confirm = confirmPart(words, act);
  const element = make("section", { className: "vs-propagate" }, confirm.element, go, why, estimate.element, first, working, complaint.element);

  return {
    element,
    show: (model) => {
      const reason = obstacle(model);
      const busy = model.step !== null && model.step.kind !== "confirm";
      estimate.show(model.step?.kind === "confirm" ? null : model);
      first.disabled = reason !== null || model.step !== null;
      reveal(first, model.step?.kind !== "confirm");
      go.disabled = reason !== null || model.step !== null;
      reveal(go, model.step?.kind !== "confirm");
      put(why, reason === null || busy || model.step?.kind === "confirm" ? null : say(reason.key, reason.values));
      reveal(working, busy);
      put(step, model.step === null ? null : stepText(model.step));
      if (model.step?.kind === "send") {
        bar.value = model.step.part;
      } else {
        bar.removeAttribute("value");
      }
      complaint.show(model.complaint);
      confirm.show(model);
    },
  };

  function stepText(now: Step): string | null {
    switch (now.kind) {
      case "send":
        return say("step.send", { percent: percent(now.part) });
      case "confirm":
        return null;
      default:
        return say(`step.${now.kind}`);
    }
  }
}

/** What it would take, or why that cannot be said. */
function estimateView(words: Words, act: Actions): { element: HTMLElement; show(model: Model | null): void } {
  const text = make("p", { className: "vs-estimate" });
  const setUp = button(words.say("setup.open"), () => act.setup.seek());
  return {
    element: make("div", {}, text, setUp),
    show: (model) => {
      put(text, model === null ? null : estimateText(words, model));
      reveal(setUp, model !== null && isUninstalled(model));
    },
  };
}

function isUninstalled({ estimate, clip }: Model): boolean {
  const known = estimate !== null && estimate !== "asking" && clip?.state === "ready";
  return known && "code" in estimate && UNINSTALLED.has(estimate.code);
}

function estimateText({ say, fault }: Words, { estimate: known, clip }: Model): string | null {
  if (known === null || clip?.state !== "ready") {
    return null;
  }
  if (known === "asking") {
    return say("estimate.asking");
  }
  if ("code" in known) {
    const { message, hint } = fault(known);
    return `${say("estimate.unknown", { reason: message })} ${UNINSTALLED.has(known.code) ? say("setup.fault.hint") : hint}`;
  }
  const time = duration(known.seconds, say);
  return say("estimate.known", { frames: known.frames, time, memory: memory(known.memory) });
}

/** "Is this the frame?", with both pictures and a field for another number; or only what it would take. */
function confirmPart(words: Words, act: Actions): { element: HTMLElement; show(model: Model): void } {
  const { say } = words;
  const title = make("h3");
  const text = make("p");
  const cost = estimateView(words, act);
  const [edited, source] = [make("img", { className: "vs-thumb" }), make("img", { className: "vs-thumb" })];
  const number = field(
    say("confirm.number"),
    { inputmode: "numeric", maxlength: "9" },
    { submitted: (typed) => act.confirm(typed) },
  );
  const yes = button("", () => act.confirm(number.input.value.trim()), "vs-go");
  const no = button(say("confirm.no"), () => act.stop());
  number.input.addEventListener("input", () => name());
  const pictures = make("div", { className: "vs-thumbs" }, edited, source);
  const buttons = make("div", { className: "vs-buttons" }, yes, no);
  const element = make(
    "div",
    { className: "vs-confirm", attributes: { role: "group" } },
    ...[title, text, pictures, number.element, cost.element, buttons],
  );
  let about: "frame" | "start" | null = null;

  function name(): void {
    put(yes, about === "start" ? say("confirm.start.yes") : say("confirm.yes", { frame: number.input.value.trim() }));
  }

  return {
    element,
    show: (model) => {
      const { step, frame, scene, sourcePicture, estimate } = model;
      const before = about;
      about = step?.kind === "confirm" && frame !== null ? step.about : null;
      reveal(element, about !== null);
      if (about === null || frame === null) {
        return;
      }
      put(title, say(about === "frame" ? "confirm.title" : "confirm.start"));
      attribute(element, "aria-label", title.textContent);
      const sure = (frame.confidence ?? 0) >= SURE;
      const said = { frame: frame.index, percent: percent(frame.confidence ?? 0) };
      put(text, about === "frame" ? say(sure ? "confirm.sure" : "confirm.unsure", said) : null);
      reveal(pictures, about === "frame");
      reveal(number.element, about === "frame");
      picture(edited, scene?.thumbnail ?? null, say("scene.picture.frame"));
      const there = sourcePicture?.frame === frame.index ? sourcePicture.url : null;
      picture(source, there, say("scene.picture.source", { frame: frame.index, clip: scene?.clip?.name ?? "" }));
      cost.show(model);
      yes.disabled = estimate === "asking" || (estimate !== null && "code" in estimate);
      if (before !== about) {
        number.input.value = String(frame.index);
        name();
        yes.focus();
      }
    },
  };
}
