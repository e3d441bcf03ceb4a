/** One thing that happened. */
export interface StoryLine {
  readonly atMs: number;
  readonly who: string;
  readonly what: string;
}

/** What happened in a run, in order; the last lines are enough for a failure, the decisive ones are all there. */
export class Story {
  readonly lines: StoryLine[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  tell(who: string, what: string): void {
    this.lines.push({ atMs: this.#now(), who, what });
  }
}

export function storyText(lines: readonly StoryLine[]): string {
  return lines.map(({ atMs, who, what }) => `${atMs.toFixed(2).padStart(11)}  ${who.padEnd(13)} ${what}`).join('\n');
}

/** A rule of the design that does not hold. */
export class RuleBroken extends Error {
  /** 1 to 8, as `CONTRIBUTING.md` counts them; 0: the simulation itself met what it does not know. */
  readonly rule: number;

  constructor(rule: number, message: string) {
    super(`rule ${rule}: ${message}`);
    this.rule = rule;
  }
}
