import { z } from 'zod';
import type { MigrationContext } from '../../statecharts/context.ts';
import { SchemaDriftError, ShapesDifferError } from '../errors/index.ts';
import { clusterOf, type Estate } from './estate.ts';
import { type PlaceShapes, type ShapeDifference, shapeChanges, shapeDifferences } from './shapes.ts';

/** The fingerprint: the org-owned tables' shapes at every site, and at the cluster. */
export interface Schema {
  readonly sites: readonly PlaceShapes[];
  readonly cluster: PlaceShapes;
}

const placeSchema = z.object({
  place: z.string(),
  shapes: z.array(
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
  ),
});
/** The snapshot of a move: what is accepted of it may change, the rest is kept as it is. */
const snapshotSchema = z.looseObject({
  schema: z.object({ sites: z.array(placeSchema), cluster: placeSchema }).optional(),
});

/** What one look at the schema says. */
export interface SchemaLook {
  readonly schema: Schema;
  /** What changed since the fingerprint that was accepted, place by place; each names table and column. */
  readonly changes: readonly string[];
  /** In what the sides differ now, whatever was accepted. */
  readonly differences: readonly ShapeDifference[];
}

/** Asks every site and the cluster. */
export async function readSchema(
  estate: Pick<Estate, 'sites' | 'clusters' | 'tables'>,
  homeRegion: string,
): Promise<Schema> {
  const cluster = clusterOf(estate, homeRegion);
  const [there, ...sites] = await Promise.all(
    [cluster, ...estate.sites].map(async (place) => ({
      place: place.name,
      shapes: await place.shapes(estate.tables),
    })),
  );
  return { sites, cluster: there as PlaceShapes };
}

/** In what each site differs from the cluster; what several sites have in common stands there once. */
export function schemaDifferences({ sites, cluster }: Schema): ShapeDifference[] {
  const all = sites.flatMap((site) => shapeDifferences(site, cluster));
  return [...new Map(all.map((difference) => [difference.text, difference])).values()];
}

/** Looks at the schema as it is now, or at one that was read before. */
export async function lookAtSchema(
  estate: Estate,
  { migrationId, homeRegion }: Pick<MigrationContext, 'migrationId' | 'homeRegion'>,
  read: Promise<Schema> = readSchema(estate, homeRegion),
): Promise<SchemaLook> {
  const [schema, record] = await Promise.all([read, estate.store.getRecord(migrationId, 'snapshot')]);
  const accepted = snapshotSchema.nullable().parse(record)?.schema;
  const changes =
    accepted === undefined
      ? []
      : [...schema.sites, schema.cluster].flatMap(({ place, shapes }) => {
          const before = [...accepted.sites, accepted.cluster].find((one) => one.place === place);
          return shapeChanges(place, before?.shapes ?? [], shapes);
        });
  return { schema, changes, differences: schemaDifferences(schema) };
}

/** The schema is the one that was accepted, and the same on both sides. */
export const isAccepted = ({ changes, differences }: SchemaLook): boolean =>
  changes.length === 0 && differences.length === 0;

/** Nothing goes forward over a schema that has changed. Throws `SchemaDriftError`. */
export async function assertSchemaAccepted(estate: Estate, migration: MigrationContext): Promise<void> {
  const look = await lookAtSchema(estate, migration);
  if (!isAccepted(look)) throw driftError(look);
}

/** The look as an error: what changed, and whether the sides agree already. */
export function driftError({ changes, differences }: SchemaLook): SchemaDriftError {
  return new SchemaDriftError(changes, textsOf(differences));
}

/**
 * A way back is let through by a change that both sides have, and by one that cannot lose rows; the look says which
 * there are. Throws `ShapesDifferError` with what the sites cannot hold of what the cluster may hold.
 */
export async function assertReturnKeepsRows(estate: Estate, migration: MigrationContext): Promise<SchemaLook> {
  const look = await lookAtSchema(estate, migration);
  const losing = look.differences.filter(({ keptOnReturn }) => !keptOnReturn);
  if (losing.length > 0) throw new ShapesDifferError(textsOf(losing));
  return look;
}

/** Puts the fingerprint into the snapshot of the move. */
export async function acceptSchema(estate: Estate, migrationId: string, schema: Schema): Promise<void> {
  const snapshot = snapshotSchema.parse(await estate.store.getRecord(migrationId, 'snapshot'));
  await estate.store.putRecord(migrationId, 'snapshot', { ...snapshot, schema });
}

export const textsOf = (differences: readonly ShapeDifference[]): string[] => differences.map(({ text }) => text);
