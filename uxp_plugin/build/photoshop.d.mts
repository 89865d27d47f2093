/** Builds Photoshop's plugin; returns the paths of its folder and of its package. */
export function build(options?: { out?: string; network?: string }): Promise<{ folder: string; ccx: string }>;
