/** Method and range; under "More" what few need to touch. */

import { FORMATS, METHODS, OWN, TRANSFERS } from "../choice.ts";
import type { Choice } from "../choice.ts";
import { attribute, button, field, make, put, reveal, tick } from "../dom.ts";
import { lackOf } from "../setup.ts";
import { presetsPart } from "./presets.ts";
import type { Actions, Section, Words } from "./section.ts";

/** What was typed as a number: null for nothing, NaN for what is none (it is said, and not run). */
function numberOf(typed: string): number | null {
  return typed === "" ? null : Number(typed.replace(",", "."));
}

function textOf(value: number | null): string {
  return value === null || Number.isNaN(value) ? "" : String(value);
}

let panels = 0;

export function choicesSection(words: Words, act: Actions): Section {
  const { say } = words;
  panels += 1;
  const radios = METHODS.map((method) =>
    tick("radio", say(`choice.${method}`), { name: `vs-method-${panels}`, value: method }, () => act.choose({ method })),
  );
  const methodHint = make("p", { className: "vs-hint" });
  const lack = make("p", { className: "vs-warn" });
  const setUp = button(say("setup.open"), () => act.setup.seek());
  const lacking = make("div", { className: "vs-lacking" }, lack, setUp);
  const group = make(
    "div",
    { className: "vs-ticks", attributes: { role: "radiogroup", "aria-label": say("choice.method") } },
    ...radios.map(({ element }) => element),
  );

  let frames = 0;
  let choice: Choice | null = null;
  const whole = tick("checkbox", say("choice.whole"), {}, (on) =>
    act.choose({ range: on ? null : { first: 0, last: Math.max(0, frames - 1) } }),
  );
  const first = field(say("choice.first"), { inputmode: "numeric", maxlength: "9" }, { entered: (typed) => end("first", typed) });
  const last = field(say("choice.last"), { inputmode: "numeric", maxlength: "9" }, { entered: (typed) => end("last", typed) });
  const ends = make("div", { className: "vs-line" }, first.element, last.element);

  const more = button(say("choice.more"), () => act.open({ more: !open }), "vs-quiet vs-toggle");
  more.setAttribute("aria-label", say("choice.more")); // without the style sheet's triangle
  const number = (name: "strength" | "guidance" | "seed", placeholder: number): ReturnType<typeof field> =>
    field(
      say(`choice.${name}`),
      { inputmode: "decimal", maxlength: "12", placeholder: String(placeholder) },
      { entered: (typed) => act.choose({ [name]: name === "seed" ? (numberOf(typed) ?? 0) : numberOf(typed) }) },
    );
  const [strength, guidance, seed] = [number("strength", OWN.strength), number("guidance", OWN.guidance), number("seed", 0)];
  const numbers = make("div", { className: "vs-line" }, strength.element, guidance.element, seed.element);
  const select = make("select", {}, ...TRANSFERS.map((one) => make("option", { text: say(`transfer.${one}`), attributes: { value: one } })));
  select.addEventListener("change", () => act.choose({ transfer: TRANSFERS.find((one) => one === select.value) ?? "auto" }));
  const transfer = make("label", { className: "vs-field" }, make("span", { className: "vs-label", text: say("choice.transfer") }), select);
  const files = FORMATS.map((format) =>
    tick("checkbox", say(`format.${format}`), { value: format }, (on) => {
      const kept = choice?.formats ?? [];
      act.choose({ formats: FORMATS.filter((one) => (one === format ? on : kept.includes(one))) });
    }),
  );
  const formats = make(
    "div",
    { className: "vs-ticks vs-column", attributes: { role: "group", "aria-label": say("choice.formats") } },
    make("h3", { text: say("choice.formats") }),
    ...files.map(({ element }) => element),
  );
  const presets = presetsPart(words, act);
  const body = make("div", { className: "vs-body" }, numbers, transfer, formats, presets.element);
  const title = make("h2", { text: say("choice.method") });
  const element = make("section", { className: "vs-choices" }, title, group, methodHint, lacking, whole.element, ends, more, body);
  let open = false;

  function end(which: "first" | "last", typed: string): void {
    if (choice?.range) {
      act.choose({ range: { ...choice.range, [which]: numberOf(typed) ?? NaN } });
    }
  }

  return {
    element,
    show: (model) => {
      choice = model.choice;
      frames = model.clip?.state === "ready" ? model.clip.facts.frames : 0;
      open = model.open.more;
      radios.forEach(({ input }) => {
        input.checked = input.value === choice?.method;
      });
      put(methodHint, say(`choice.${choice.method}.hint`));
      const { told } = model.setup;
      const lacks = choice.method === "videoshop" && told !== null ? lackOf(told) : null;
      put(lack, lacks === null ? null : say(`setup.lack.${lacks}`));
      reveal(lacking, lacks !== null);
      whole.input.checked = choice.range === null;
      whole.input.disabled = frames === 0;
      reveal(ends, choice.range !== null);
      first.show(textOf(choice.range?.first ?? null));
      last.show(textOf(choice.range?.last ?? null));
      attribute(more, "aria-expanded", String(open));
      reveal(body, open);
      reveal(numbers, choice.method === "videoshop");
      reveal(transfer, choice.method === "flow");
      strength.show(textOf(choice.strength));
      guidance.show(textOf(choice.guidance));
      seed.show(textOf(choice.seed));
      if (select.value !== choice.transfer) {
        select.value = choice.transfer;
      }
      const kept = choice.formats;
      files.forEach(({ input }, index) => {
        const format = FORMATS[index];
        input.checked = format !== undefined && kept.includes(format);
      });
      presets.show(model);
    },
  };
}
