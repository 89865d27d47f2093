/** The model, and who hears that it changed. */

import { reduce, START } from "./model.ts";
import type { Event, Model } from "./model.ts";

export class Store {
  #model: Model;
  readonly #heard = new Set<() => void>();

  constructor(start: Model = START) {
    this.#model = start;
  }

  get model(): Model {
    return this.#model;
  }

  dispatch(event: Event): void {
    const after = reduce(this.#model, event);
    if (after !== this.#model) {
      this.#model = after;
      Array.from(this.#heard).forEach((heard) => heard());
    }
  }

  subscribe(heard: () => void): () => void {
    this.#heard.add(heard);
    return () => this.#heard.delete(heard);
  }
}
