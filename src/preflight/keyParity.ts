import type { Finding } from '../ports/finding.ts';
import type { KeyFacts, TableFacts } from '../ports/inventory.ts';
import type { Pair } from './parity.ts';

/** Indexes by what they do, whatever they are called. A primary key is told with the shapes. */
export function keyParity({ name, here, there, places }: Pair): Finding[] {
  const [ours, theirs] = [byColumns(here), byColumns(there)];
  const missing = [
    ...[...ours].filter(([columns]) => !theirs.has(columns)).map(([, key]) => ({ key, at: places[1] })),
    ...[...theirs].filter(([columns]) => !ours.has(columns)).map(([, key]) => ({ key, at: places[0] })),
  ];
  return missing.map(({ key, at }) => ({
    code: 'KEYS_DIFFER',
    severity: key.unique ? 'refuse' : 'warn',
    message: `${name} has no ${key.unique ? 'unique key' : 'index'} (${key.columns.join(', ')}) at ${at}${
      key.unique ? ': rows that one side refuses the other takes' : ': statements that need it get slow there'
    }`,
    remedy: 'Make the index there; DMS does not do it.',
    evidence: { table: name, key: key.name, columns: key.columns, unique: key.unique, missingAt: at },
  }));
}

const byColumns = ({ keys }: TableFacts): ReadonlyMap<string, KeyFacts> =>
  new Map(
    keys
      .filter(({ name }) => name !== 'PRIMARY')
      .map((key) => [`${key.unique} ${key.columns.map((column) => column ?? '()').join()}`, key]),
  );

/** Foreign keys by what they refer to and do. */
export function foreignKeyParity({ name, here, there, places }: Pair): Finding[] {
  const [ours, theirs] = [referencesOf(here), referencesOf(there)];
  const missing = [
    ...ours.filter((each) => !theirs.includes(each)).map((each) => ({ each, at: places[1] })),
    ...theirs.filter((each) => !ours.includes(each)).map((each) => ({ each, at: places[0] })),
  ];
  return missing.map(({ each, at }) => ({
    code: 'FOREIGN_KEYS_DIFFER',
    severity: 'warn',
    message: `${name} has no foreign key to ${each} at ${at}`,
    remedy: 'Define it alike on both sides, and see that the tasks’ target endpoints switch foreign_key_checks off.',
    evidence: { table: name, references: each, missingAt: at },
  }));
}

const referencesOf = ({ foreignKeys }: TableFacts): string[] =>
  foreignKeys.map(
    ({ references, onUpdate, onDelete }) =>
      `${references.schema}.${references.table} (on update ${actionOf(onUpdate)}, on delete ${actionOf(onDelete)})`,
  );

/** What nobody wrote is RESTRICT in MariaDB's words and NO ACTION in MySQL's; InnoDB does the same for both. */
const actionOf = (action: string): string => (action === 'NO ACTION' ? 'RESTRICT' : action);
