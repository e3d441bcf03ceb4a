import type { EffectHandlers, EffectRun } from '../driver/handlers.ts';
import type { Estate } from '../estate/estate.ts';
import { assertHomeRegion, whileAtHome } from '../estate/homeRegion.ts';
import { assertSchemaAccepted } from '../estate/schema.ts';
import { between } from '../failpoints/failpoints.ts';
import { abort } from '../flip/abort.ts';
import { type FlipAttempt, storeReport, timed } from '../flip/attempt.ts';
import type { Attempts } from '../flip/attempts.ts';
import { commit, decide } from '../flip/commit.ts';
import { drain } from '../flip/drain.ts';
import { fence } from '../flip/fence.ts';
import { hold } from '../flip/hold.ts';
import { marker } from '../flip/marker.ts';
import { park } from '../flip/park.ts';
import { pin } from '../flip/pin.ts';
import { prepare } from '../flip/prepare.ts';
import { release } from '../flip/release.ts';
import type { RouteKeeper } from '../flip/routeKeeper.ts';
import { settle } from '../flip/settle.ts';
import { untilThawed } from '../flip/thaw.ts';
import type { FlipTurns } from '../flip/turns.ts';
import { exportBefore, exportLast } from '../leftBehind/steps.ts';
import { preflight } from '../preflight/preflight.ts';
import { assertProven } from '../proof/prove.ts';
import { beginErrorBaseline } from '../soaking/errorBaseline.ts';
import { untilSchemaAccepted } from '../soaking/schemaDrift.ts';
import { soak, watchOnCluster } from '../soaking/soak.ts';
import { catchUpBack, cleanUp, complete } from './ending.ts';
import { checkLag, watchReady } from './lag.ts';
import { catchUp, createTask, fullLoad, isLoading, removeTasks, reset } from './replicating.ts';
import { takeSnapshot } from './snapshot.ts';
import { verify } from './verify.ts';

/** Which work each effect of the machine is. */
export function effectHandlers(
  estate: Estate,
  attempts: Attempts,
  keeper: RouteKeeper,
  turns: FlipTurns,
): EffectHandlers {
  const nothing = {} as const;
  const untilCalm = (run: EffectRun, what: string) =>
    estate.sourceLoad.untilCalm(run.migration.orgId, what, run.waitsFor, run.signal);
  const plain = (work: (run: EffectRun) => Promise<unknown>) => async (run: EffectRun) => {
    await work(run);
    return nothing;
  };
  const flipStep =
    (phase: string, work: (attempt: FlipAttempt, run: EffectRun) => Promise<void>) => async (run: EffectRun) => {
      const attempt = await attempts.of(run);
      await timed(estate, attempt, phase, () => work(attempt, run));
      return nothing;
    };
  const lastStep =
    (phase: string, work: (attempt: FlipAttempt, run: EffectRun) => Promise<void>) => async (run: EffectRun) => {
      const attempt = await attempts.of(run);
      await timed(estate, attempt, phase, () => work(attempt, run));
      await storeReport(estate, attempt, phase === 'abort' ? run.migration.reason : null);
      return nothing;
    };
  return withFailpoints({
    async preflight(run) {
      const findings = await preflight(estate, run.migration);
      await estate.store.putRecord(run.migration.migrationId, 'findings', findings);
      const refusals = findings.filter(({ severity }) => severity === 'refuse');
      return { refusals: refusals.length, homeRegion: run.migration.homeRegion };
    },
    async snapshot(run) {
      await untilCalm(run, 'the move begins');
      await beginErrorBaseline(estate, run);
      return takeSnapshot(estate, run);
    },
    'replication.reset': plain((run) => reset(estate, run)),
    'replication.create': plain(async (run) => {
      // The region's first proof takes as long as making a task does: it is begun beside the org's own.
      estate.returnPath.begin(run.migration.homeRegion);
      await createTask(estate, run);
    }),
    'replication.fullLoad': plain(async (run) => {
      // One that has begun goes on: to stop it would only have it read everything once more.
      if (!(await isLoading(estate, run))) await untilCalm(run, 'the full load begins');
      await assertHomeRegion(estate, run.migration, run.signal);
      await whileAtHome(estate, run, (watched) => fullLoad(estate, watched));
    }),
    'replication.catchUp': plain((run) => whileAtHome(estate, run, (watched) => catchUp(estate, watched))),
    'lag.check': (run) => whileAtHome(estate, run, (watched) => checkLag(estate, watched)),
    'lag.watch': (run) => whileAtHome(estate, run, (watched) => watchReady(estate, watched)),

    'flip.prepare': plain(async (run) => {
      if (run.migration.direction === 'back') return prepare(estate, attempts, keeper, turns, run);
      do {
        await untilThawed(estate, run);
        await prepare(estate, attempts, keeper, turns, run);
        // Frozen meanwhile: what was prepared grows old while it waits.
      } while ((await estate.store.frozen()) !== null);
      return undefined;
    }),
    'flip.hold': flipStep('hold', (attempt, run) => hold(estate, attempt, run)),
    'flip.drain': flipStep('drain', (attempt, run) => drain(estate, attempt, run)),
    'flip.fence': flipStep('fence', (attempt, run) => fence(estate, attempt, run)),
    'flip.marker': flipStep('marker', (attempt, run) => marker(estate, attempt, run)),
    'flip.pin': flipStep('pin', (attempt, run) => pin(estate, attempt, run)),
    'flip.park': flipStep('park', (attempt, run) => park(estate, attempt, run)),
    async 'flip.commit'(run) {
      const attempt = await attempts.of(run);
      return { decision: await timed(estate, attempt, 'commit', () => commit(estate, attempt, run)) };
    },
    'flip.release': lastStep('release', (attempt, run) => release(estate, attempt, keeper, run)),
    'flip.abort': lastStep('abort', (attempt, run) => abort(estate, attempt, keeper, run)),
    'flip.decide': async (run) => ({ decision: await decide(estate, await attempts.of(run), run) }),
    'flip.settle': plain(async (run) => settle(estate, await attempts.of(run), run)),

    'schema.watch': plain(async (run) => {
      await untilSchemaAccepted(estate, run);
      // Completion comes next, and with it ends the way back: an org that belongs elsewhere by now keeps it.
      if (run.migration.serving === 'cluster') await assertHomeRegion(estate, run.migration, run.signal);
    }),
    verify: (run) => verify(estate, attempts.peek(run.migration.migrationId), run),
    'verify.watch': (run) => watchOnCluster(estate, run),
    'soak.watch': (run) => soak(estate, run),
    async 'reverse.catchUp'(run) {
      await estate.rollbackTurns.wait(run);
      return catchUpBack(estate, run);
    },
    'loss.export': plain((run) => exportBefore(estate, run)),
    'loss.detach': plain((run) => removeTasks(estate, run)),
    'loss.exportLast': plain((run) => exportLast(estate, attempts.peek(run.migration.migrationId), run)),
    complete: plain(async (run) => {
      // With it ends the way back; while the schemas differ nobody knows what that way has carried.
      await assertSchemaAccepted(estate, run.migration);
      await assertProven(estate, run);
      await complete(estate, keeper, await attempts.owner(run), run);
    }),
    'clean.up': async (run) => {
      await attempts.forget(run.migration.migrationId);
      await cleanUp(estate, keeper, await attempts.owner(run), run);
      return nothing;
    },
  });
}

/** A point before and behind each step of the flip. */
function withFailpoints(handlers: EffectHandlers): EffectHandlers {
  const around = (effect: string, handle: (run: EffectRun) => Promise<unknown>) =>
    effect.startsWith('flip.') ? (run: EffectRun) => between(effect, run.migration.orgId, () => handle(run)) : handle;
  return Object.fromEntries(
    Object.entries(handlers).map(([effect, handle]) => [effect, around(effect, handle)]),
  ) as EffectHandlers;
}
