/** As much of ScriptUI as a panel of text, buttons and a field needs. */

export interface Control {
  readonly type: string;
  text: string;
  enabled: boolean;
  onClick: (() => void) | null;
  onChange: (() => void) | null;
}

const KINDS = ["statictext", "edittext", "button", "group", "panel", "checkbox"];

class Container {
  readonly children: Control[] = [];
  readonly layout = { layout: (_recalculate?: boolean): void => {}, resize: (): void => {} };

  add(type: string, _bounds?: unknown, text = "", _properties?: object): Control {
    if (!KINDS.includes(type)) {
      throw new Error(`ScriptUI: cannot create a “${type}”.`);
    }
    const control: Control = { type, text, enabled: true, onClick: null, onChange: null };
    this.children.push(control);
    return control;
  }

  /** As the person clicks: a disabled button does nothing. */
  press(text: string): void {
    const button = this.children.find((child) => child.type === "button" && child.text === text);
    if (button === undefined) {
      throw new Error(`There is no button “${text}”.`);
    }
    if (button.enabled) {
      button.onClick?.();
    }
  }

  type(text: string): void {
    const field = this.children.find((child) => child.type === "edittext");
    if (field !== undefined) {
      field.text = text;
      field.onChange?.();
    }
  }

  get texts(): readonly string[] {
    return this.children.filter((child) => child.type === "statictext").map((child) => child.text);
  }
}

export class Panel extends Container {}

export class Window extends Container {
  shown = false;

  center(): void {}

  show(): void {
    this.shown = true;
  }
}
