/** Named sets of choices: save, apply, delete. */

import { button, field, Keyed, make, put, reveal } from "../dom.ts";
import type { Model } from "../model.ts";
import type { Actions, Words } from "./section.ts";

export function presetsPart({ say }: Words, act: Actions): { element: HTMLElement; show(model: Model): void } {
  const name = field(say("preset.name"), { maxlength: "40" }, { submitted: (typed) => save(typed) });
  const save = (typed: string): void => {
    if (typed !== "") {
      act.savePreset(typed);
      name.input.value = "";
    }
  };
  const list = make("ul", { className: "vs-presets", attributes: { "aria-label": say("preset.title") } });
  const none = make("p", { className: "vs-faint" });
  const rows = new Keyed(list, (key) => {
    const apply = button(say("preset.apply"), () => act.applyPreset(key));
    apply.setAttribute("aria-label", say("preset.apply.which", { name: key }));
    const drop = button(say("preset.delete"), () => act.deletePreset(key));
    drop.setAttribute("aria-label", say("preset.delete.which", { name: key }));
    const words = make("span", { className: "vs-preset-name", text: key });
    return { element: make("li", { className: "vs-line" }, words, apply, drop) };
  });
  const adding = make(
    "div",
    { className: "vs-line" },
    name.element,
    button(say("preset.save"), () => save(name.input.value.trim())),
  );
  const element = make("div", {}, make("h3", { text: say("preset.title") }), none, list, adding);
  return {
    element,
    show: ({ presets }) => {
      put(none, presets.length === 0 ? say("preset.none") : null);
      reveal(list, presets.length > 0);
      rows.show(
        presets.map((one) => one.name),
        () => undefined,
      );
    },
  };
}
