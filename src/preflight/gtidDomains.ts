import type { Check } from './finding.ts';
import { readSettings } from './placeSettings.ts';

/** Every write at the sites is in a domain that a marker is written in: a marker proves nothing of any other. */
export const gtidDomainFindings: Check = async (estate, { homeRegion }) => {
  const { sites } = await readSettings(estate, homeRegion);
  const marked = new Set(sites.flatMap(({ gtidDomains }) => (gtidDomains === null ? [] : [gtidDomains.own])));
  const strange = sites.flatMap(({ place, gtidDomains }) => {
    const domains = (gtidDomains?.written ?? []).filter((domain) => !marked.has(domain));
    return domains.length === 0 ? [] : [{ place, domains }];
  });
  if (strange.length === 0) return [];
  const domains = [...new Set(strange.flatMap((each) => each.domains))];
  return [
    {
      code: 'GTID_DOMAIN_UNMARKED',
      severity: 'refuse',
      message: `the sites’ binlogs have writes in GTID domain ${domains.join(', ')}, of which no marker of ${[...marked].join(', ')} proves the arrival`,
      remedy:
        'Have every client write in its site’s own gtid_domain_id; a domain that nobody writes any more goes by FLUSH BINARY LOGS DELETE_DOMAIN_ID.',
      evidence: { domains, marked: [...marked], places: strange.map(({ place }) => place) },
    },
  ];
};
