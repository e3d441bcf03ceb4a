import type { MigrationStatus } from '../../../src/service/status.ts';
import type { Stage } from './stage.ts';

const redrawEveryMs = 250;
const barWidth = 20;

/** What the demo shows while it runs. `stop` leaves the last picture standing. */
export interface Screen {
  say(line: string): void;
  /** Begins to draw the orgs that move. */
  follow(stage: Stage): void;
  stop(): void;
}

/** On a terminal a picture that is redrawn; elsewhere a line for each change of state. All of it goes to stderr. */
export function openScreen(terminal: boolean): Screen {
  return terminal ? new DrawnScreen() : new LineScreen();
}

class LineScreen implements Screen {
  #timer: NodeJS.Timeout | undefined;
  readonly #shown = new Map<number, string>();

  say(line: string): void {
    console.error(line);
  }

  follow(stage: Stage): void {
    this.#timer = setInterval(() => {
      for (const [orgId, status] of stage.seen) {
        if (this.#shown.get(orgId) === status.state) continue;
        this.#shown.set(orgId, status.state);
        console.error(describe(status));
      }
    }, redrawEveryMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

class DrawnScreen implements Screen {
  #timer: NodeJS.Timeout | undefined;
  #drawn = 0;

  say(line: string): void {
    this.#erase();
    console.error(line);
  }

  follow(stage: Stage): void {
    this.#timer = setInterval(() => {
      const { workload } = stage;
      const lines = [...stage.seen.values()].sort((a, b) => a.orgId - b.orgId).map(describe);
      lines.push(
        `${Math.round(workload.acknowledgedPerSecond())} acknowledged writes/s, ${workload.writesAcknowledged} in all, ${workload.clientErrors} client errors`,
      );
      this.#erase();
      process.stderr.write(`${lines.map((line) => line.slice(0, process.stderr.columns ?? 120)).join('\n')}\n`);
      this.#drawn = lines.length;
    }, redrawEveryMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#drawn = 0;
  }

  #erase(): void {
    if (this.#drawn > 0) process.stderr.write(`\x1b[${this.#drawn}A\x1b[0J`);
    this.#drawn = 0;
  }
}

/** One org in a line: progress, state, lag, and the pause of its last flip. */
function describe(status: MigrationStatus): string {
  const filled = Math.round((status.progress.percent / 100) * barWidth);
  const bar = `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`;
  const lagMs = status.lag.forwardMs ?? status.lag.reverseMs;
  const pauseMs = status.attempts.at(-1)?.writePauseMs;
  return [
    `org ${String(status.orgId).padStart(4)}`,
    bar,
    status.state.padEnd(24),
    status.serving.padEnd(8),
    lagMs === null ? '' : `lag ${lagMs} ms`,
    pauseMs == null ? '' : `pause ${pauseMs} ms`,
    status.waitsFor === null ? '' : `waits for ${status.waitsFor}`,
  ]
    .filter((part) => part !== '')
    .join('  ');
}
