/** The little that the view needs of the document. Text goes in as text; what did not change is left alone. */

export interface Making {
  readonly className?: string;
  readonly text?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

export function make<K extends keyof HTMLElementTagNameMap>(
  name: K,
  { className = "", text = "", attributes = {} }: Making = {},
  ...children: readonly Node[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  if (className !== "") {
    made.className = className;
  }
  if (text !== "") {
    made.textContent = text;
  }
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  children.forEach((child) => made.appendChild(child));
  return made;
}

export function button(text: string, pressed: (event: MouseEvent) => void, className = ""): HTMLButtonElement {
  const made = make("button", { text, className, attributes: { type: "button" } });
  made.addEventListener("click", pressed);
  return made;
}

/** Presses but for the second of a double click, which was meant for what stood here before, or is no second thought. */
export function deliberate(pressed: () => void): (event: MouseEvent) => void {
  return (event) => {
    if (!(event.detail > 1)) { // not every host counts clicks
      pressed();
    }
  };
}

/** A labelled field. `entered` hears what was typed when the person leaves it or presses Enter, `submitted` only Enter. */
export function field(
  label: string,
  attributes: Readonly<Record<string, string>>,
  { entered, submitted }: { entered?: (typed: string) => void; submitted?: (typed: string) => void },
): Field {
  const input = make("input", { attributes: { type: "text", autocomplete: "off", ...attributes } });
  const words = make("span", { className: "vs-label", text: label });
  const element = make("label", { className: "vs-field" }, words, input);
  const typed = (): string => input.value.trim();
  input.addEventListener("change", () => entered?.(typed()));
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      (submitted ?? entered)?.(typed());
    }
  });
  return {
    element,
    input,
    show: (value) => {
      // What is being typed is the person's.
      if (document.activeElement !== input && input.value !== value) {
        input.value = value;
      }
    },
  };
}

export interface Field {
  readonly element: HTMLLabelElement;
  readonly input: HTMLInputElement;
  show(value: string): void;
}

/** A checkbox or a radio button with its words. */
export function tick(
  kind: "checkbox" | "radio",
  label: string,
  attributes: Readonly<Record<string, string>>,
  changed: (on: boolean) => void,
): { readonly element: HTMLLabelElement; readonly input: HTMLInputElement } {
  const input = make("input", { attributes: { ...attributes, type: kind } });
  input.addEventListener("change", () => changed(input.checked));
  return { element: make("label", { className: "vs-tick" }, input, make("span", { text: label })), input };
}

/** A text in an element, which is hidden without one. */
export function put(element: HTMLElement, text: string | null | undefined): void {
  const shown = text ?? "";
  if (element.textContent !== shown) {
    element.textContent = shown;
  }
  reveal(element, shown !== "");
}

/** By a class, not `hidden`: a host's style sheet may give elements a display of its own. */
export function reveal(element: HTMLElement, visible: boolean): void {
  if (visible) {
    element.classList.remove("vs-hidden");
  } else {
    element.classList.add("vs-hidden");
  }
}

export function attribute(element: Element, name: string, value: string | null): void {
  if (value === null) {
    element.removeAttribute(name);
  } else if (element.getAttribute(name) !== value) {
    element.setAttribute(name, value);
  }
}

/** To the top of what is seen of the panel. Not every UXP has it: there the focus alone goes on. */
export function intoView(element: HTMLElement): void {
  if ("scrollIntoView" in element) {
    element.scrollIntoView(true);
  }
}

export function picture(element: HTMLImageElement, url: string | null, text: string): void {
  reveal(element, url !== null);
  if (url !== null) {
    attribute(element, "src", url);
    attribute(element, "alt", text);
  }
}

/** Children in order, moving only what stands elsewhere, so that focus stays where it is. */
export function arrange(list: Element, elements: readonly Element[]): void {
  const kept = new Set(elements);
  Array.from(list.children)
    .filter((child) => !kept.has(child))
    .forEach((child) => child.remove());
  elements.forEach((element, index) => {
    const there = list.children[index] ?? null;
    if (there !== element) {
      list.insertBefore(element, there);
    }
  });
}

/** Views of things that have keys: made once for each, kept as long as it is there. */
export class Keyed<V extends { readonly element: Element }> {
  readonly #views = new Map<string, V>();

  constructor(
    readonly list: Element,
    readonly maker: (key: string) => V,
  ) {}

  show(keys: readonly string[], draw: (view: V, key: string, index: number) => void): void {
    const views = keys.map((key) => {
      const view = this.#views.get(key) ?? this.maker(key);
      this.#views.set(key, view);
      return view;
    });
    keys.forEach((key, index) => {
      const view = views[index];
      if (view !== undefined) {
        draw(view, key, index);
      }
    });
    arrange(
      this.list,
      views.map(({ element }) => element),
    );
    const kept = new Set(keys);
    for (const key of Array.from(this.#views.keys())) {
      if (!kept.has(key)) {
        this.#views.delete(key);
      }
    }
  }
}
