import { schemasOf } from '../catalogue/catalogue.ts';
import { driftOf } from '../catalogue/drift.ts';
import { propose } from '../catalogue/propose.ts';
import type { Finding } from '../ports/finding.ts';
import type { Check } from './finding.ts';
import { readInventories } from './inventories.ts';

/** What the sites have beside the catalogue, or not any more. What is wrong with the catalogue's own tables, the places say. */
export const catalogueFindings: Check = async (estate, { homeRegion }) => {
  const { sites } = await readInventories(estate, homeRegion);
  const { catalogue } = estate;
  const known = [...new Set(catalogue.tables.map(({ orgColumn }) => orgColumn))];
  const schemas = schemasOf(catalogue);
  return driftOf(catalogue, propose(sites, known)).flatMap(({ kind, table, blocks, text }): Finding[] => {
    const evidence = { table, schemas, catalogueVersion: catalogue.version };
    switch (kind) {
      case 'notInCatalogue':
        return [
          {
            code: 'TABLE_NOT_IN_CATALOGUE',
            severity: blocks ? 'refuse' : 'warn',
            message: text,
            remedy: 'Run `bigdb-cutover catalog discover`, decide what the table is, and confirm it in the catalogue.',
            evidence,
          },
        ];
      case 'techHasOrgColumn':
        return [
          {
            code: 'TECH_TABLE_OWNED',
            severity: 'warn',
            message: text,
            remedy: 'Move it to the org-owned tables of the catalogue, unless its rows are to stay at the sites.',
            evidence,
          },
        ];
      case 'gone':
        // An org-owned one is TABLE_MISSING at its places.
        return blocks
          ? []
          : [
              {
                code: 'TECH_TABLE_MISSING',
                severity: 'warn',
                message: text,
                remedy: 'Take it out of the catalogue.',
                evidence,
              },
            ];
      default:
        return [];
    }
  });
};
