import { comparableType } from '../estate/shapes.ts';
import type { Finding } from '../ports/finding.ts';
import type { ColumnFacts } from '../ports/inventory.ts';
import type { Pair } from './parity.ts';

/** Columns of one name and type, in what else decides about their values. */
export function columnParity(pair: Pair): Finding[] {
  const there = new Map(pair.there.columns.map((column) => [column.name, column]));
  return pair.here.columns.flatMap((here) => {
    const other = there.get(here.name);
    // Another type, or none, is told with the shapes.
    if (other === undefined || comparableType(here.type) !== comparableType(other.type)) return [];
    return [...textParity(pair, here, other), ...valueParity(pair, here, other)];
  });
}

function textParity({ name, here: facts, there, places }: Pair, here: ColumnFacts, other: ColumnFacts): Finding[] {
  // MariaDB's JSON is text, MySQL's is not.
  if (/json/i.test(here.type) || /json/i.test(other.type)) return [];
  if (here.characterSet === null || other.characterSet === null) return [];
  const evidence = { table: name, column: here.name, places };
  if (here.characterSet !== other.characterSet) {
    return [
      {
        code: 'CHARACTER_SET_DIFFERS',
        severity: 'refuse',
        message: `${name}.${here.name} is ${here.characterSet} at ${places[0]} and ${other.characterSet} at ${places[1]}: text that one of them has not would be lost or refused`,
        remedy: 'Give the column one character set everywhere.',
        evidence: { ...evidence, characterSets: [here.characterSet, other.characterSet] },
      },
    ];
  }
  if (here.collation === other.collation) return [];
  const unique = [...facts.keys, ...there.keys].some((key) => key.unique && key.columns.includes(here.name));
  return [
    {
      code: 'COLLATION_DIFFERS',
      severity: unique ? 'refuse' : 'warn',
      message: `${name}.${here.name} is ordered by ${here.collation} at ${places[0]} and by ${other.collation} at ${places[1]}${
        unique ? ': what is one value for a unique key is not the same on both sides' : ''
      }`,
      remedy: 'Give the column one collation everywhere.',
      evidence: { ...evidence, collations: [here.collation, other.collation], unique },
    },
  ];
}

function valueParity({ name, places }: Pair, here: ColumnFacts, other: ColumnFacts): Finding[] {
  const found: Finding[] = [];
  const only = (is: boolean) => (is ? places[0] : places[1]);
  const evidence = { table: name, column: here.name, places };
  if (here.generated !== other.generated) {
    found.push({
      code: 'GENERATED_DIFFERS',
      severity: 'refuse',
      message: `${name}.${here.name} is generated at ${only(here.generated)} only: a task cannot write it there`,
      remedy: 'Define the column alike everywhere.',
      evidence,
    });
  }
  if (here.autoIncrement !== other.autoIncrement) {
    found.push({
      code: 'AUTO_INCREMENT_DIFFERS',
      severity: 'refuse',
      message: `${name}.${here.name} is AUTO_INCREMENT at ${only(here.autoIncrement)} only`,
      remedy: 'Define the column alike everywhere; DMS does not do it.',
      evidence,
    });
  }
  return found;
}
