import type { Finding } from '../ports/finding.ts';
import type { Check } from './finding.ts';
import { readInventories } from './inventories.ts';
import { readSettings, type SettingsAt } from './placeSettings.ts';

/** Modes under which a server takes no date of zeros, or none with zeros in it. */
const refusingZero = /^NO_ZERO(_IN)?_DATE$/;
/** Modes that change what a statement means, or whether a value that does not fit is refused or cut. */
const changingMeaning =
  /^(ANSI_QUOTES|PIPES_AS_CONCAT|NO_BACKSLASH_ESCAPES|HIGH_NOT_PRECEDENCE|NO_UNSIGNED_SUBTRACTION|PAD_CHAR_TO_FULL_LENGTH|STRICT_TRANS_TABLES|STRICT_ALL_TABLES)$/;
/** Modes that concern statements which orgs do not send: how tables and users are made. */
const ofDefinitions = /^(NO_ENGINE_SUBSTITUTION|NO_AUTO_CREATE_USER|NO_DIR_IN_CREATE|NO_TABLE_OPTIONS|ANSI|ORACLE)$/;
const dates = /^(date|datetime|timestamp)\b/i;

/** What the sites take, the cluster takes; and a statement means the same there. */
export const sqlModeFindings: Check = async (estate, { homeRegion }) => {
  const { sites, cluster } = await readSettings(estate, homeRegion);
  const [site] = sites;
  if (site === undefined) return [];
  return [
    ...(await zeroDateFindings(estate, homeRegion, sites, cluster)),
    ...modeFindings(site, cluster),
    ...isolationFindings(site, cluster),
    ...collationFindings(site, cluster),
  ];
};

async function zeroDateFindings(
  estate: Parameters<Check>[0],
  homeRegion: string,
  sites: readonly SettingsAt[],
  cluster: SettingsAt,
): Promise<Finding[]> {
  const refusing = cluster.sqlMode.filter((mode) => refusingZero.test(mode));
  const unknownToSites = refusing.filter((mode) => sites.some(({ sqlMode }) => !sqlMode.includes(mode)));
  if (unknownToSites.length === 0) return [];
  const { sites: inventories } = await readInventories(estate, homeRegion);
  const columns = (inventories[0]?.tables ?? [])
    .filter(({ schema, table }) => estate.tables.some((each) => each.schema === schema && each.table === table))
    .flatMap(({ table, columns: all }) =>
      all.filter(({ type }) => dates.test(type)).map(({ name }) => `${table}.${name}`),
    );
  if (columns.length === 0) return [];
  return [
    {
      code: 'ZERO_DATES_REFUSED',
      severity: 'refuse',
      message: `${cluster.place} takes no dates of zeros (${unknownToSites.join(', ')}), which the sites take: such a row would stop its task, or arrive as NULL`,
      remedy: 'Take these modes out of the cluster’s sql_mode, in its parameter group.',
      evidence: { cluster: cluster.place, modes: unknownToSites, columns },
    },
  ];
}

function modeFindings(site: SettingsAt, cluster: SettingsAt): Finding[] {
  const matters = (mode: string) => !refusingZero.test(mode) && !ofDefinitions.test(mode);
  const differing = [
    ...site.sqlMode.filter((mode) => !cluster.sqlMode.includes(mode)),
    ...cluster.sqlMode.filter((mode) => !site.sqlMode.includes(mode)),
  ].filter(matters);
  if (differing.length === 0) return [];
  return [
    {
      code: 'SQL_MODE_DIFFERS',
      severity: differing.some((mode) => changingMeaning.test(mode)) ? 'refuse' : 'warn',
      message: `${site.place} and ${cluster.place} differ in sql_mode: ${differing.join(', ')}`,
      remedy: 'Give both sides the same sql_mode, or have the clients set it for their sessions.',
      evidence: { site: site.place, cluster: cluster.place, differing },
    },
  ];
}

function isolationFindings(site: SettingsAt, cluster: SettingsAt): Finding[] {
  if (site.isolation === cluster.isolation) return [];
  return [
    {
      code: 'ISOLATION_DIFFERS',
      severity: 'warn',
      message: `transactions are ${site.isolation} at ${site.place} and ${cluster.isolation} at ${cluster.place}`,
      remedy: 'Give both sides the same transaction isolation, or have the clients set it for their sessions.',
      evidence: { site: site.place, cluster: cluster.place, isolations: [site.isolation, cluster.isolation] },
    },
  ];
}

/** Columns have their own, and are compared with the tables; what no column decides about is the servers' choice. */
function collationFindings(site: SettingsAt, cluster: SettingsAt): Finding[] {
  if (site.collation === cluster.collation) return [];
  return [
    {
      code: 'DEFAULT_COLLATION_DIFFERS',
      severity: 'warn',
      message: `texts that no column decides about are compared by ${site.collation} at ${site.place} and by ${cluster.collation} at ${cluster.place}`,
      remedy: 'Give both servers the same collation_server, or have the clients set theirs (SET NAMES … COLLATE …).',
      evidence: { site: site.place, cluster: cluster.place, collations: [site.collation, cluster.collation] },
    },
  ];
}
