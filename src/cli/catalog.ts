import { createCluster, createSite } from '../adapters/mysql/index.ts';
import type { Discovery } from '../catalogue/discover.ts';
import { discover } from '../catalogue/discover.ts';
import { loadConfigForDiscovery } from '../config/index.ts';
import type { CatalogInvocation } from './args.ts';
import { type ExitCode, exitCodes } from './exitCodes.ts';
import type { Output } from './output.ts';
import { table } from './text.ts';

/**
 * Proposes a catalogue from what the databases have, straight from them: it comes before any controller. Ends with 1
 * where the confirmed catalogue is another than what is there.
 */
export async function catalog(
  invocation: CatalogInvocation,
  env: Readonly<Record<string, string | undefined>>,
  output: Output,
): Promise<ExitCode> {
  const { config, catalogued } = loadConfigForDiscovery(invocation.config, env);
  const places = [
    ...config.sites.map(({ tls, ...site }) => createSite({ ...site, ssl: tls })),
    ...config.clusters.map(({ tls, ...cluster }) => createCluster({ ...cluster, ssl: tls })),
  ];
  try {
    const found = await discover(
      places,
      catalogued ? config.catalogue : null,
      [config.coredb.orgColumn],
      invocation.schemas.length === 0 ? null : invocation.schemas,
    );
    output.out(invocation.json ? `${JSON.stringify(found)}\n` : discoveryText(found));
    return found.drift.length === 0 ? exitCodes.ok : exitCodes.failed;
  } finally {
    await Promise.all(places.map((place) => place.close()));
  }
}

const kinds = { orgOwned: 'org-owned', tech: 'tech', unmovable: 'CANNOT MOVE' } as const;

function discoveryText({ places, proposals, drift, confirmedVersion, yaml }: Discovery): string {
  const rows = proposals.flatMap((each) => {
    const { schema, table: name, kind, orgColumn, estimatedRows, obstacles, uniqueKeysToConfirm } = each;
    const remarks = [
      ...obstacles.map(({ text }) => text),
      ...uniqueKeysToConfirm.map((key) => `unique key ${key} has no org: is it unique over all orgs and places?`),
    ];
    const first = [`${schema}.${name}`, kinds[kind], orgColumn ?? '', String(estimatedRows), remarks[0] ?? ''];
    return [first, ...remarks.slice(1).map((remark) => ['', '', '', '', remark])];
  });
  const compared =
    confirmedVersion === null
      ? 'nothing is confirmed yet\n'
      : drift.length === 0
        ? `the confirmed catalogue (version ${confirmedVersion}) is what is there\n`
        : `the confirmed catalogue (version ${confirmedVersion}) is not what is there:\n${drift
            .map(({ text, blocks }) => `  ${blocks ? 'blocks' : 'warns '}  ${text}\n`)
            .join('')}`;
  return [
    `looked at ${places.join(', ')}\n\n`,
    table(['TABLE', 'KIND', 'BY', 'ROWS, ABOUT', 'REMARKS'], rows),
    `\n${compared}\n# for the configuration:\n${yaml}`,
  ].join('');
}
