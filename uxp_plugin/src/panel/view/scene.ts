/** The clip, the frame and the mask that will be used, and where each comes from. */

import { arrange, attribute, button, field, make, picture, put, reveal } from "../dom.ts";
import type { Frame, Model } from "../model.ts";
import { isKey } from "../strings.ts";
import { percent, rate } from "../words.ts";
import { faultView } from "./fault.ts";
import type { Actions, Section, Words } from "./section.ts";

export function sceneSection(words: Words, act: Actions): Section {
  const { say } = words;
  const clip = row(say("scene.clip"));
  const frame = row(say("scene.frame"));
  const mask = row(say("scene.mask"));
  const document = make("p", { className: "vs-faint" });
  const refusal = faultView(words);
  const again = button(say("connection.retry"), () => act.readClip());
  const choose = button(say("scene.choose"), () => act.chooseClip());
  clip.more.appendChild(refusal.element);
  clip.more.appendChild(make("div", { className: "vs-buttons" }, choose, again));
  const number = field(
    say("scene.frame.number"),
    { inputmode: "numeric", maxlength: "9" },
    { entered: (typed) => act.typeFrame(typed) },
  );
  frame.more.appendChild(number.element);
  const notes = make("ul", { className: "vs-notes" });
  const title = make("h2", { text: say("scene.title") });
  const element = make("section", { className: "vs-scene" }, title, document, clip.element, frame.element, mask.element, notes);

  return {
    element,
    show: (model) => {
      const { scene } = model;
      put(document, scene === null ? null : (scene.document ?? say("scene.no_document")));
      showClip(model);
      reveal(frame.element, scene?.document !== null);
      reveal(mask.element, scene?.document !== null);
      put(frame.text, frameText(model.frame));
      frame.text.className = model.frame === null ? "vs-faint" : "vs-strong";
      picture(frame.first, scene?.thumbnail ?? null, say("scene.picture.frame"));
      const source = model.sourcePicture;
      const shown = source !== null && source.frame === model.frame?.index ? source.url : null;
      picture(frame.second, shown, say("scene.picture.source", { frame: source?.frame ?? "", clip: nameOf(model) }));
      number.show(model.frame === null ? "" : String(model.frame.index));
      number.input.disabled = model.step !== null;
      put(mask.text, scene?.mask ?? say("scene.mask.difference"));
      picture(mask.first, scene?.maskThumbnail ?? null, say("scene.picture.mask"));
      const said = scene?.notes ?? [];
      if (notes.textContent !== said.join("")) {
        arrange(
          notes,
          said.map((text) => make("li", { text })),
        );
      }
      reveal(notes, said.length > 0);
    },
  };

  function showClip(model: Model): void {
    const { scene, clip: read } = model;
    const source = scene?.clip ?? null;
    put(clip.text, source === null ? say("scene.no_clip") : source.name);
    attribute(clip.text, "title", source === null ? null : source.path);
    put(clip.from, source === null ? null : fromOf(source.from));
    put(clip.facts, factsOf(model));
    picture(clip.first, model.clipPicture, say("scene.picture.clip", { clip: nameOf(model) }));
    refusal.show(read?.state === "refused" ? read.refusal : null);
    reveal(again, read?.state === "refused");
    reveal(choose, scene?.document !== null);
  }

  function factsOf({ clip: read }: Model): string | null {
    switch (read?.state) {
      case "reading":
        return say("scene.reading");
      case "ready": {
        const { frames, width, height, fps } = read.facts;
        return say("scene.facts", { frames, width, height, fps: rate(fps) });
      }
      default:
        return null;
    }
  }

  function fromOf(from: string): string {
    const key = `from.${from}`;
    return isKey(key) ? say(key) : from;
  }

  function frameText(known: Frame | null): string {
    if (known === null) {
      return say("scene.frame.open");
    }
    const { index, from, confidence } = known;
    const how = from === "located" ? say("scene.frame.located", { percent: percent(confidence ?? 0) }) : say(`scene.frame.${from}`);
    return `${index} – ${how}`;
  }
}

function nameOf({ scene }: Model): string {
  return scene?.clip?.name ?? "";
}

/** A thing that is used: its name, pictures, and what is said about it. */
function row(label: string): {
  element: HTMLElement;
  first: HTMLImageElement;
  second: HTMLImageElement;
  text: HTMLElement;
  from: HTMLElement;
  facts: HTMLElement;
  more: HTMLElement;
} {
  const [first, second] = [make("img", { className: "vs-thumb" }), make("img", { className: "vs-thumb" })];
  [first, second].forEach((image) => picture(image, null, ""));
  const text = make("p", { className: "vs-strong" });
  const [from, facts] = [make("p", { className: "vs-faint" }), make("p", { className: "vs-faint" })];
  const more = make("div", { className: "vs-more-of" });
  const pictures = make("div", { className: "vs-thumbs" }, first, second);
  const said = make("div", { className: "vs-said" }, make("h3", { text: label }), text, from, facts, more);
  return { element: make("div", { className: "vs-row" }, said, pictures), first, second, text, from, facts, more };
}
