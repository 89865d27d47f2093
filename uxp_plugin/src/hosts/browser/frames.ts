/** Frame numbers in file names: a frame that was downloaded here comes back as itself. */

const MARK = /\.frame(\d{6})(?!\d)/;

/** "clip.mp4", 20 -> "clip.frame000020.png" */
export function frameName(clip: string, frame: number): string {
  return `${clip.replace(/\.[^.]+$/, "")}.frame${String(frame).padStart(6, "0")}.png`;
}

/** The frame that a file's name says it is an edit of, or null. */
export function frameOf(file: string): number | null {
  const digits = MARK.exec(file)?.[1];
  return digits === undefined ? null : Number(digits);
}

const VIDEO = /\.(mp4|m4v|mov|mkv|webm|avi|mxf|mpg|mpeg|ts|mts)$/i;

export function isVideo({ name, type }: { readonly name: string; readonly type: string }): boolean {
  return type.startsWith("video/") || VIDEO.test(name);
}
