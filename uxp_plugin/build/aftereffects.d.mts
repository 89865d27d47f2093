export function script(which: "panel" | "script"): Promise<string>;
export function build(options: { out: string }): Promise<void>;
