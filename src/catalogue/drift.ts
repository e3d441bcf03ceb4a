import { type Catalogue, nameOf } from './catalogue.ts';
import type { Proposal } from './propose.ts';

/** One thing in which the confirmed catalogue and the databases do not agree. */
export interface Drift {
  readonly kind: 'notInCatalogue' | 'gone' | 'notOrgOwned' | 'unmovable' | 'techHasOrgColumn';
  readonly table: string;
  /** Rows of orgs would be left behind, or could not be moved. */
  readonly blocks: boolean;
  readonly text: string;
}

/** Where the catalogue is not what the sites have. A table that it calls a tech table on purpose blocks nobody. */
export function driftOf(catalogue: Catalogue, proposals: readonly Proposal[]): readonly Drift[] {
  const found = new Map(proposals.map((each) => [nameOf(each), each]));
  const owned = catalogue.tables.flatMap((table): Drift[] => {
    const name = nameOf(table);
    const proposal = found.get(name);
    if (proposal === undefined) {
      return [{ kind: 'gone', table: name, blocks: true, text: `${name} is in the catalogue, and no site has it` }];
    }
    if (proposal.kind === 'tech') {
      const text = `${name} is in the catalogue as owned by orgs, and has no column that says whose a row is`;
      return [{ kind: 'notOrgOwned', table: name, blocks: true, text }];
    }
    // Which of several columns it is has been decided by whoever confirmed the catalogue.
    const left = proposal.obstacles.filter(({ reason }) => reason !== 'severalOrgColumns');
    return left.map(({ text }) => ({ kind: 'unmovable', table: name, blocks: true, text: `${name}: ${text}` }));
  });
  const tech = catalogue.techTables.flatMap((table): Drift[] => {
    const name = nameOf(table);
    const proposal = found.get(name);
    if (proposal === undefined) {
      const text = `${name} is in the catalogue as a tech table, and no site has it`;
      return [{ kind: 'gone', table: name, blocks: false, text }];
    }
    if (proposal.kind === 'tech') return [];
    const why = proposal.orgColumn === null ? (proposal.obstacles[0]?.text ?? '') : `it has ${proposal.orgColumn}`;
    const text = `${name} is in the catalogue as a tech table, and seems to have rows of orgs: ${why}`;
    return [{ kind: 'techHasOrgColumn', table: name, blocks: false, text }];
  });
  const known = new Set([...catalogue.tables, ...catalogue.techTables].map(nameOf));
  const strangers = proposals
    .filter((each) => !known.has(nameOf(each)))
    .map((each): Drift => {
      const name = nameOf(each);
      const seems = each.kind === 'tech' ? 'belongs to no org' : 'seems to have rows of orgs, which would stay behind';
      const text = `${name} is not in the catalogue, and ${seems}`;
      return { kind: 'notInCatalogue', table: name, blocks: each.kind !== 'tech', text };
    });
  return [...owned, ...tech, ...strangers];
}
