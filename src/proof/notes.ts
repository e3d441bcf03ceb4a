import { z } from 'zod';
import type { MigrationContext } from '../../statecharts/context.ts';
import type { EffectRun } from '../driver/handlers.ts';
import { runLog } from '../driver/logger.ts';
import { CutoverError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import { type ComparisonProgress, checkpointSchema } from '../verification/index.ts';
import { figuresOf } from './record.ts';

/** Time between two notes of how far a comparison is (milliseconds). */
const everyMs = 1_000;

export const suspectSchema = z.object({
  table: z.string(),
  name: z.string(),
  source: z.array(z.string()).nullable(),
  target: z.array(z.string()).nullable(),
  key: z.record(z.string(), z.string()),
});
/** A row that was not the same on both sides when it was compared. */
export type Suspect = z.infer<typeof suspectSchema>;

const progressSchema = z.object({
  table: z.string(),
  rows: z.number(),
  rowsExpected: z.number().nullable(),
  mismatches: z.number(),
  elapsedMs: z.number(),
  etaMs: z.number().nullable(),
});

/** What a running comparison leaves in the store: for its readers, and for who goes on after a crash. */
export const noteSchema = z.object({
  kind: z.enum(['cutover-point', 'live']),
  startedAt: z.iso.datetime(),
  generation: z.number().int(),
  serving: z.string(),
  /** The site that is compared with the task's; null where it is the cluster. */
  otherSite: z.string().nullable().default(null),
  progress: progressSchema.nullable(),
  checkpoint: checkpointSchema.nullable(),
  suspects: z.array(suspectSchema),
});
export type Note = z.infer<typeof noteSchema>;

/** The note of the comparison that runs; null where none does. */
export async function readNote(estate: Pick<Estate, 'store'>, migrationId: string): Promise<Note | null> {
  return noteFrom(await estate.store.getRecord(migrationId, 'comparison'));
}

/** The same from the record at hand. */
export function noteFrom(record: unknown): Note | null {
  const parsed = noteSchema.nullable().safeParse(record);
  return parsed.success ? parsed.data : null;
}

/** Keeps the note of one comparison. The comparison does not wait for a store that does not answer. */
export class Notes {
  readonly #estate: Estate;
  readonly #run: Pick<EffectRun, 'migration' | 'epoch'>;
  #note: Note;
  #writtenAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    estate: Estate,
    run: Pick<EffectRun, 'migration' | 'epoch'>,
    kind: Note['kind'],
    otherSite: string | null = null,
    resumed: Note | null = null,
  ) {
    const { migration } = run;
    this.#estate = estate;
    this.#run = run;
    this.#note = resumed ?? {
      kind,
      startedAt: new Date(estate.clock.nowMs()).toISOString(),
      generation: migration.generation,
      serving: migration.serving,
      otherSite,
      progress: null,
      checkpoint: null,
      suspects: [],
    };
  }

  get note(): Note {
    return this.#note;
  }

  progress(progress: ComparisonProgress): void {
    this.#note = { ...this.#note, progress };
    if (this.#isDue()) void this.#write(this.#note);
  }

  /** Everything before the checkpoint has been compared, and these rows are what was found. */
  async passed(checkpoint: Note['checkpoint'], suspects: readonly Suspect[]): Promise<void> {
    this.#note = { ...this.#note, checkpoint, suspects: [...suspects] };
    if (this.#isDue()) await this.#write(this.#note);
  }

  /** It has ended: whoever comes begins anew. */
  ended(): Promise<void> {
    return this.#write(null);
  }

  #isDue(): boolean {
    const nowMs = this.#estate.clock.monotonicMs();
    if (nowMs - this.#writtenAtMs < everyMs) return false;
    this.#writtenAtMs = nowMs;
    return true;
  }

  async #write(note: Note | null): Promise<void> {
    try {
      await this.#estate.store.putRecord(this.#run.migration.migrationId, 'comparison', note);
    } catch (error) {
      if (!(error instanceof CutoverError)) throw error;
      runLog(this.#estate.logger, this.#run).debug({ err: error }, 'the comparison’s note was not stored');
    }
  }
}

/** What an earlier owner's comparison of the live sides has left, if it is of the same task and not too old. */
export async function unfinished(
  estate: Estate,
  migration: MigrationContext,
  otherSite: string | null,
): Promise<Note | null> {
  const note = await readNote(estate, migration.migrationId);
  if (note === null || note.kind !== 'live' || note.checkpoint === null || note.otherSite !== otherSite) return null;
  const old = estate.clock.nowMs() - Date.parse(note.startedAt) > figuresOf(migration.policy).verificationMaxAgeMs;
  const same = note.generation === migration.generation && note.serving === migration.serving;
  return same && !old ? note : null;
}
