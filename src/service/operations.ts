import { z } from 'zod';
import { CutoverError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import type { OperationsStore } from '../ports/operations.ts';
import type { Actor, MigrationService } from './status.ts';

/** The freeze as users see it. */
export const freezeSchema = z.object({
  frozen: z.boolean(),
  by: z.string().nullable(),
  reason: z.string().nullable(),
  since: z.iso.datetime().nullable(),
});
export type FreezeStatus = z.infer<typeof freezeSchema>;

export const auditEntrySchema = z.object({
  seq: z.number().int(),
  at: z.iso.datetime(),
  actor: z.string(),
  role: z.string(),
  from: z.string(),
  action: z.string(),
  target: z.string(),
  input: z.unknown().describe('The body of the request'),
  requestId: z.string(),
  outcome: z
    .object({ status: z.number().int(), code: z.string().nullable(), at: z.iso.datetime() })
    .nullable()
    .describe('null where the controller ended before it had answered'),
});

/** What became of the rollback of everything that a cluster serves. */
export const evacuationSchema = z.object({
  homeRegion: z.string(),
  begun: z.array(z.string()).describe('Migrations that go back now'),
  refused: z.array(z.object({ id: z.string(), orgId: z.number().int(), code: z.string(), detail: z.string() })),
});
export type Evacuation = z.infer<typeof evacuationSchema>;

/** What concerns no single migration. */
export interface OperationsService extends Omit<OperationsStore, 'frozen' | 'freeze' | 'unfreeze'> {
  freezeStatus(): Promise<FreezeStatus>;
  freeze(reason: string, actor: Actor): Promise<FreezeStatus>;
  unfreeze(): Promise<FreezeStatus>;
  /** Rolls back every org that the cluster of a region serves; how many go at once is the configuration's. */
  evacuate(homeRegion: string, reason: string, actor: Actor): Promise<Evacuation>;
  nowMs(): number;
}

const pageSize = 500;

export function createOperations(
  { store, clock }: Pick<Estate, 'store' | 'clock'>,
  migrations: Pick<MigrationService, 'list' | 'command'>,
): OperationsService {
  const freezeStatus = async (): Promise<FreezeStatus> => {
    const freeze = await store.frozen();
    if (freeze === null) return { frozen: false, by: null, reason: null, since: null };
    return { frozen: true, by: freeze.actor, reason: freeze.reason, since: freeze.since };
  };
  return {
    freezeStatus,
    async freeze(reason, actor) {
      await store.freeze(actor.name, reason, clock.nowMs());
      return freezeStatus();
    },
    async unfreeze() {
      await store.unfreeze();
      return freezeStatus();
    },
    async evacuate(homeRegion, reason, actor) {
      const begun: string[] = [];
      const refused: Evacuation['refused'] = [];
      let cursor: string | null = null;
      do {
        const page: Awaited<ReturnType<MigrationService['list']>> = await migrations.list({
          homeRegion,
          limit: pageSize,
          ...(cursor === null ? {} : { cursor }),
        });
        for (const { id, orgId, serving, outcome } of page.items) {
          if (serving !== 'cluster' || outcome !== null) continue;
          try {
            await migrations.command(id, 'rollback', { reason }, actor);
            begun.push(id);
          } catch (error) {
            // One that cannot go back keeps nobody else from it.
            if (!(error instanceof CutoverError)) throw error;
            refused.push({ id, orgId, code: error.code, detail: error.message });
          }
        }
        cursor = page.nextCursor;
      } while (cursor !== null);
      return { homeRegion, begun, refused };
    },
    nowMs: () => clock.nowMs(),
    auditCommand: (command, atMs) => store.auditCommand(command, atMs),
    auditOutcome: (seq, outcome, atMs) => store.auditOutcome(seq, outcome, atMs),
    audit: (after, limit) => store.audit(after, limit),
    beginRequest: (actor, key, fingerprint) => store.beginRequest(actor, key, fingerprint),
    keepAnswer: (actor, key, answer) => store.keepAnswer(actor, key, answer),
    forgetRequest: (actor, key) => store.forgetRequest(actor, key),
  };
}
