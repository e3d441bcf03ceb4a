import { z } from 'zod';
import type { EffectRun } from '../driver/handlers.ts';
import { CutoverError, messageOf } from '../errors/index.ts';
import { clusterOf, type Estate } from '../estate/estate.ts';
import { shapeDifferences } from '../estate/shapes.ts';
import type { ColumnShape, TableShape } from '../ports/place.ts';

const shapesSchema = z.array(
  z.object({
    table: z.string(),
    exists: z.boolean(),
    primaryKey: z.array(z.string()),
    columns: z.array(
      z.object({
        name: z.string(),
        type: z.string(),
        nullable: z.boolean(),
        characterSet: z.string().nullable(),
        collation: z.string().nullable(),
        generated: z.boolean(),
      }),
    ),
  }),
);
const snapshotSchema = z.object({ sourceShapes: shapesSchema, targetShapes: shapesSchema });

/** What changed at one place since the snapshot, each naming its table and column. */
export function shapeChanges(place: string, before: readonly TableShape[], now: readonly TableShape[]): string[] {
  const changes: string[] = [];
  const earlier = new Map(before.map((shape) => [shape.table, shape]));
  for (const shape of now) {
    const was = earlier.get(shape.table);
    if (was === undefined) continue;
    const at = `${place}: ${shape.table}`;
    if (was.exists !== shape.exists) {
      changes.push(`${at} was ${shape.exists ? 'created' : 'dropped'}`);
      continue;
    }
    if (was.primaryKey.join() !== shape.primaryKey.join()) {
      changes.push(`${at} has the primary key (${shape.primaryKey}), it was (${was.primaryKey})`);
    }
    const columns = new Map(was.columns.map((column) => [column.name, column]));
    for (const column of shape.columns) {
      const old = columns.get(column.name);
      columns.delete(column.name);
      if (old === undefined) changes.push(`${at}.${column.name} was added`);
      else if (columnText(old) !== columnText(column)) {
        changes.push(`${at}.${column.name} is ${columnText(column)}, it was ${columnText(old)}`);
      }
    }
    for (const gone of columns.keys()) changes.push(`${at}.${gone} was dropped`);
  }
  return changes;
}

function columnText({ type, nullable, characterSet, collation, generated }: ColumnShape): string {
  return [type, nullable ? 'null' : 'not null', characterSet, collation, generated ? 'generated' : null]
    .filter((part) => part !== null)
    .join(' ');
}

/**
 * Asks both sides' fingerprints every `schemaCheckMs`. A drift is an alert, one note for each that is new: the org stays
 * where it is, and `complete` refuses while the sides differ.
 */
export async function watchSchema(estate: Estate, run: EffectRun, signal: AbortSignal): Promise<never> {
  const { migrationId, homeRegion, policy } = run.migration;
  const cluster = clusterOf(estate, homeRegion);
  const snapshot = snapshotSchema.nullable().parse(await estate.store.getRecord(migrationId, 'snapshot'));
  for (let known = ''; ; ) {
    const drift = await currentDrift();
    const key = drift?.join('\n') ?? known;
    if (drift !== null && key !== known && drift.length > 0) {
      run.note(`alert: the schema has changed: ${drift.join('; ')}`, { code: 'SCHEMA_DRIFT', drift });
      estate.logger.error({ migration: migrationId, org: run.migration.orgId, drift }, 'the schema has changed');
    }
    known = key;
    await estate.clock.sleep(policy.schemaCheckMs, signal);
  }

  /** Null where a side does not tell: not known is neither drift nor its end. */
  async function currentDrift(): Promise<string[] | null> {
    try {
      const [source, target] = await Promise.all([
        estate.sites[0].shapes(estate.tables),
        cluster.shapes(estate.tables),
      ]);
      return [
        ...shapeChanges(estate.sites[0].name, snapshot?.sourceShapes ?? [], source),
        ...shapeChanges(cluster.name, snapshot?.targetShapes ?? [], target),
        ...shapeDifferences(source, target),
      ];
    } catch (error) {
      // An org must not go back because its schema cannot be read.
      if (!(error instanceof CutoverError)) throw error;
      estate.logger.warn({ migration: migrationId, err: messageOf(error) }, 'the schema could not be read');
      return null;
    }
  }
}
