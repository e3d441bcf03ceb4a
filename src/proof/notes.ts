import { z } from 'zod';
import type { MigrationContext } from '../../statecharts/context.ts';
import type { EffectRun } from '../driver/handlers.ts';
import { runLog } from '../driver/logger.ts';
import { CutoverError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import { type ComparisonProgress, checkpointSchema } from '../verification/index.ts';
import { figuresOf, isRequested } from './record.ts';

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

type NotesEstate = Pick<Estate, 'store' | 'clock' | 'logger'>;

/**
 * Keeps the note of one comparison. One write follows the other: an old note that arrived behind the last one would be
 * taken for a comparison that was cut off.
 */
export class Notes {
  readonly #estate: NotesEstate;
  readonly #run: Pick<EffectRun, 'migration' | 'epoch'>;
  #note: Note;
  /** Progress has a turn of its own: it is told just before each checkpoint, and would always take that one's. */
  #progressAtMs = Number.NEGATIVE_INFINITY;
  #checkpointAtMs = Number.NEGATIVE_INFINITY;
  #writing = 0;
  #written: Promise<void> = Promise.resolve();

  constructor(
    estate: NotesEstate,
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
    const nowMs = this.#estate.clock.monotonicMs();
    // Progress that waits behind another write is old by then.
    if (this.#writing > 0 || nowMs - this.#progressAtMs < everyMs) return;
    this.#progressAtMs = nowMs;
    void this.#write(this.#note);
  }

  /** Everything before the checkpoint has been compared, and these rows are what was found. */
  async passed(checkpoint: Note['checkpoint'], suspects: readonly Suspect[]): Promise<void> {
    this.#note = { ...this.#note, checkpoint, suspects: [...suspects] };
    const nowMs = this.#estate.clock.monotonicMs();
    if (nowMs - this.#checkpointAtMs < everyMs) return;
    this.#checkpointAtMs = nowMs;
    await this.#write(this.#note);
  }

  /** It has ended: whoever comes begins anew. */
  ended(): Promise<void> {
    return this.#write(null);
  }

  #write(note: Note | null): Promise<void> {
    this.#writing += 1;
    this.#written = this.#written
      .then(() => this.#put(note))
      .finally(() => {
        this.#writing -= 1;
      });
    return this.#written;
  }

  /** The comparison goes on without a note where the store does not answer. */
  async #put(note: Note | null): Promise<void> {
    try {
      await this.#estate.store.putRecord(this.#run.migration.migrationId, 'comparison', note);
    } catch (error) {
      if (!(error instanceof CutoverError)) throw error;
      runLog(this.#estate.logger, this.#run).debug({ err: error }, 'the comparison’s note was not stored');
    }
  }
}

/**
 * What an earlier owner's comparison of the live sides has left, if it is of the same task and not too old, and nobody
 * has asked since for rows as they are now.
 */
export async function unfinished(
  estate: Pick<Estate, 'store' | 'clock'>,
  migration: MigrationContext,
  otherSite: string | null,
): Promise<Note | null> {
  const note = await readNote(estate, migration.migrationId);
  if (note === null || note.kind !== 'live' || note.checkpoint === null || note.otherSite !== otherSite) return null;
  const old = estate.clock.nowMs() - Date.parse(note.startedAt) > figuresOf(migration.policy).verificationMaxAgeMs;
  const same = note.generation === migration.generation && note.serving === migration.serving;
  if (!same || old) return null;
  return (await isRequested(estate.store, migration.migrationId, note)) ? null : note;
}
