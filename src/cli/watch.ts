import { setTimeout as sleep } from 'node:timers/promises';
import { type CutoverError, messageOf } from '../errors/base.ts';
import type { MigrationStatus } from '../service/status.ts';
import { type Api, findMigration } from './api.ts';
import { ApiProblemError, ApiUnreachableError } from './errors.ts';
import type { Output } from './output.ts';
import { screenOfAll, screenOfOne } from './screen.ts';
import { cut, lineText } from './text.ts';

/** Longest rest between two tries while the API does not answer (milliseconds). */
const longestRestMs = 5_000;
/** From the top, each line to its end, then what was below: nothing flickers. */
const [home, toLineEnd, below] = ['\x1b[H', '\x1b[K\n', '\x1b[J'];
const sizeOfNobodyKnows = { columns: 80, rows: 24 };

/**
 * Shows the same again and again: a screen is painted anew, elsewhere a line is written for each change. One migration
 * is watched until it has ended, all of them until the signal. An API that goes away is waited for, once it has answered.
 */
export async function watch(
  api: Api,
  { target, json, intervalMs }: { target: string | null; json: boolean; intervalMs: number },
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  // An org may start another migration while this one is watched: what was meant at first stays meant.
  const id = target === null ? null : (await findMigration(api, target)).id;
  const show = output.screen && !json ? new Screen(output, id) : new Lines(output, json);
  for (let failures = 0; !signal.aborted; ) {
    try {
      const all = id === null ? await api.list() : [await api.get(id)];
      if (failures > 0) show.isBack();
      failures = 0;
      show.migrations(all);
      if (id !== null && all.every((each) => each.outcome !== null)) return;
    } catch (error) {
      if (!isWaitedFor(error)) throw error;
      failures += 1;
      show.isAway(messageOf(error));
    }
    const restMs = failures === 0 ? intervalMs : Math.min(longestRestMs, intervalMs * 2 ** Math.min(10, failures - 1));
    await sleep(Math.max(intervalMs, restMs), undefined, { signal }).catch(() => undefined);
  }
}

/** Nobody answers, or not now: a controller that starts anew, its store, too many requests. */
function isWaitedFor(error: unknown): error is CutoverError {
  if (error instanceof ApiUnreachableError) return true;
  return error instanceof ApiProblemError && [429, 502, 503, 504].includes(error.problem.status);
}

/** Where a watch shows what it sees. */
interface Show {
  migrations(all: readonly MigrationStatus[]): void;
  isAway(why: string): void;
  isBack(): void;
}

class Lines implements Show {
  readonly #output: Output;
  readonly #json: boolean;
  readonly #seen = new Map<string, string>();
  #away = false;

  constructor(output: Output, json: boolean) {
    this.#output = output;
    this.#json = json;
  }

  migrations(all: readonly MigrationStatus[]): void {
    for (const status of all) {
      const line = this.#json ? JSON.stringify(status) : lineText(status);
      if (this.#seen.get(status.id) === line) continue;
      this.#seen.set(status.id, line);
      this.#output.out(`${line}\n`);
    }
  }

  /** Once for each time that it goes away, and beside the answers: who reads them reads nothing else. */
  isAway(why: string): void {
    if (!this.#away) this.#output.err(`the API does not answer, and is asked again: ${why}\n`);
    this.#away = true;
  }

  isBack(): void {
    this.#away = false;
    this.#output.err('the API answers again\n');
  }
}

class Screen implements Show {
  readonly #output: Output;
  readonly #id: string | null;
  #last: readonly MigrationStatus[] = [];
  #away: { readonly why: string; readonly since: Date } | null = null;

  constructor(output: Output, id: string | null) {
    this.#output = output;
    this.#id = id;
  }

  migrations(all: readonly MigrationStatus[]): void {
    this.#last = all;
    this.#paint();
  }

  isAway(why: string): void {
    this.#away = { why, since: this.#away?.since ?? new Date() };
    this.#paint();
  }

  isBack(): void {
    this.#away = null;
  }

  /** What was seen last stays, and says how old it is. */
  #paint(): void {
    const size = this.#output.size?.() ?? sizeOfNobodyKnows;
    const lines =
      this.#id === null ? screenOfAll(this.#last, size) : this.#last.flatMap((each) => screenOfOne(each, size.columns));
    if (this.#away !== null) {
      const { since, why } = this.#away;
      lines.unshift(
        cut(`no answer since ${since.toISOString()}, asked again; below is what was seen last: ${why}`, size.columns),
      );
    }
    this.#output.out(`${home}${lines.map((line) => line + toLineEnd).join('')}${below}`);
  }
}
