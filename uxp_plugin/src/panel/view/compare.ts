/** A slider between the source and the result of one frame. */

import { attribute, button, field, make, picture, put, reveal } from "../dom.ts";
import { clipOf } from "./job.ts";
import type { Actions, Section, Words } from "./section.ts";

export function compareSection({ say }: Words, act: Actions): Section {
  const title = make("h2");
  const close = button(say("act.dismiss"), () => act.compareClose(), "vs-quiet");
  const under = make("img", { className: "vs-compare-result" });
  const over = make("img", { className: "vs-compare-source" });
  const cut = make("div", { className: "vs-compare-cut" }, over);
  const box = make("div", { className: "vs-compare-box" }, under, cut);
  const loading = make("p", { className: "vs-faint" });
  const note = make("p", { className: "vs-warn" });
  const slider = make("input", { className: "vs-range", attributes: { type: "range", min: "0", max: "100", step: "1" } });
  slider.setAttribute("aria-label", say("compare.slider"));
  slider.value = "50";
  slider.addEventListener("input", place);
  const frames = make("input", { className: "vs-range", attributes: { type: "range", step: "1", "aria-label": say("compare.frame") } });
  frames.addEventListener("input", () => act.compareFrame(Number(frames.value)));
  const number = field(say("compare.frame"), { inputmode: "numeric", maxlength: "9" }, { entered: (typed) => typedFrame(typed) });
  const element = make(
    "section",
    { className: "vs-compare" },
    make("div", { className: "vs-title" }, title, close),
    ...[note, loading, box, slider, frames, number.element],
  );
  let opened: string | null = null;
  let bounds: readonly [number, number] = [0, 0];

  function place(): void {
    const part = Number(slider.value);
    reveal(cut, part > 0 && over.hasAttribute("src"));
    cut.style.width = `${part}%`;
    over.style.width = part > 0 ? `${10000 / part}%` : "100%"; // of the cut: as wide as the box
  }

  function typedFrame(typed: string): void {
    const frame = Number(typed);
    if (Number.isInteger(frame)) {
      act.compareFrame(Math.min(bounds[1], Math.max(bounds[0], frame)));
    }
  }

  return {
    element,
    show: ({ comparison, jobs }) => {
      reveal(element, comparison !== null);
      if (comparison === null) {
        opened = null;
        return;
      }
      const job = jobs.get(comparison.job);
      put(title, say("compare.title", { clip: job === undefined ? "" : clipOf(job, say) }));
      const { frame, first, last, source, result, known } = comparison;
      bounds = [first, last];
      picture(under, result, say("compare.result", { frame }));
      picture(over, source, say("compare.source", { frame }));
      if (source === null) {
        over.removeAttribute("src");
      }
      put(loading, result === null ? say("compare.loading") : null);
      put(note, known ? null : say("compare.no_source"));
      reveal(slider, known);
      reveal(frames, last > first);
      attribute(frames, "min", String(first));
      attribute(frames, "max", String(last));
      if (document.activeElement !== frames || frames.value !== String(frame)) {
        frames.value = String(frame);
      }
      number.show(String(frame));
      place();
      if (opened !== comparison.job) {
        opened = comparison.job;
        slider.value = "50";
        place();
        (known ? slider : close).focus();
      }
    },
  };
}
