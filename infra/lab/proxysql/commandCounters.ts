/** Commands that the stand-in tells apart; ProxySQL knows more, and shows all of them always. */
const known = [
  'ALTER_TABLE',
  'BEGIN',
  'COMMIT',
  'CREATE_TABLE',
  'DELETE',
  'INSERT',
  'REPLACE',
  'ROLLBACK',
  'SELECT',
  'SELECT_FOR_UPDATE',
  'SET',
  'SHOW',
  'START_TRANSACTION',
  'UPDATE',
  'UNKNOWN',
] as const;
type Command = (typeof known)[number];

/** Upper bounds of the brackets, inclusive (microseconds); what took longer has one of its own. */
const boundsUs = [100, 500, 1_000, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000, 5_000_000, 10_000_000];

/** Figures of `stats_mysql_commands_counters`: statements by command and bracket of duration, each counted in one bracket alone. */
export class CommandCounters {
  readonly #figures = new Map<Command, { sumUs: number; readonly counts: number[] }>(
    known.map((command) => [command, { sumUs: 0, counts: Array.from({ length: boundsUs.length + 1 }, () => 0) }]),
  );

  count(digestText: string, elapsedUs: number): void {
    const figures = this.#figures.get(commandOf(digestText));
    if (figures === undefined) return;
    figures.sumUs += elapsedUs;
    const found = boundsUs.findIndex((bound) => elapsedUs <= bound);
    const bracket = found < 0 ? boundsUs.length : found;
    figures.counts[bracket] = (figures.counts[bracket] ?? 0) + 1;
  }

  *rows(): Generator<(string | number)[]> {
    for (const [command, { sumUs, counts }] of this.#figures) {
      yield [command, Math.round(sumUs), counts.reduce((sum, count) => sum + count, 0), ...counts];
    }
  }
}

function commandOf(digestText: string): Command {
  const words = digestText.toUpperCase().split(/\s+/, 2);
  if (words[0] === 'SELECT' && /\bFOR UPDATE\b/i.test(digestText)) return 'SELECT_FOR_UPDATE';
  return known.find((command) => command === words[0] || command === words.join('_')) ?? 'UNKNOWN';
}
