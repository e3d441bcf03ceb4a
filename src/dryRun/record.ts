/** One thing that a move would do at one place. */
export interface PlannedAct {
  /** Name of a site, cluster, proxy, `DMS eu-west-2` or `store`. */
  readonly where: string;
  readonly what: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** One phase of a move, as it would be gone through. */
export interface PlannedPhase {
  readonly phase: string;
  readonly acts: PlannedAct[];
  /** What it waits for, or stops at, with the policy's figures. */
  readonly waits: string[];
}

/** Keeps what would be done instead of doing it. */
export class DryRecord {
  readonly phases: PlannedPhase[] = [];
  /** What the plan could not know. */
  readonly unknown: string[] = [];

  begin(phase: string): void {
    this.phases.push({ phase, acts: [], waits: [] });
  }

  act(where: string, what: string, details: Readonly<Record<string, unknown>> = {}): void {
    this.phases.at(-1)?.acts.push({ where, what, details });
  }

  waits(what: string): void {
    this.phases.at(-1)?.waits.push(what);
  }

  cannotKnow(what: string): void {
    if (!this.unknown.includes(what)) this.unknown.push(what);
  }
}

/**
 * An adapter of which a dry run uses only what stands here: whatever else a step should ask of it one day ends the dry
 * run, and reaches nothing.
 */
export function only<T extends object>(name: string, own: Partial<T>): T {
  return new Proxy(own, {
    get(target, key) {
      if (key in target || typeof key === 'symbol' || key === 'then') return Reflect.get(target, key);
      throw new TypeError(`a dry run does not know what ${name}.${key} would do`);
    },
  }) as T;
}
