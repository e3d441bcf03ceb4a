import type { ProxyPicture, ProxyRow } from '../ports/routing.ts';

const textOf = (rows: readonly ProxyRow[]) => JSON.stringify(rows);

/**
 * What the active rules do. Whose step left them does not matter: an attempt that failed in its preparation has put its
 * numbers on some proxies only.
 */
const effectOf = (rules: readonly ProxyRow[]) =>
  textOf(
    rules
      .filter(({ active }) => active === '1')
      .map((rule) => ({ ...rule, comment: (rule.comment ?? '').replace(/ epoch=\d+ attempt=\d+ step=[\w-]+/, '') })),
  );

const sameFast = (one: ProxyPicture, other: ProxyPicture) =>
  textOf(one.fast) === textOf(other.fast) && textOf(one.fastPublished) === textOf(other.fastPublished);

/** Whether two proxies send every org of ours the same way, by what runs there and by what was loaded. */
export function sameRoutes(one: ProxyPicture, other: ProxyPicture): boolean {
  return (
    effectOf(one.rules) === effectOf(other.rules) &&
    effectOf(one.published) === effectOf(other.published) &&
    sameFast(one, other)
  );
}

/** Whether a proxy has exactly what another had, down to the comments. */
export function isCopyOf(copy: ProxyPicture, original: ProxyPicture): boolean {
  return (
    textOf(copy.rules) === textOf(original.rules) &&
    textOf(copy.published) === textOf(original.published) &&
    sameFast(copy, original)
  );
}

/** Names in a message: the first few, and how many there are. */
const few = (names: readonly string[]) =>
  names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`;

/** Whose servers have to be the same at every proxy: the clusters'. The source's are each site's own. */
export interface Hostgroups {
  readonly source: readonly number[];
  readonly clusters: readonly number[];
}

/** What a proxy lacks of what the members have: users, servers, and the rules of others where the members agree on them. */
export function lacksOf(
  found: ProxyPicture,
  members: readonly ProxyPicture[],
  { source, clusters }: Hostgroups,
): readonly string[] {
  const lacks: string[] = [];
  const users = new Map(members.flatMap((member) => [...member.users]));
  const missing = [...users.keys()].filter((user) => !found.users.has(user));
  if (missing.length > 0) lacks.push(`users are missing: ${few(missing)}`);
  const elsewhere = [...found.users]
    .filter(
      ([user, { defaultHostgroup }]) => (users.get(user)?.defaultHostgroup ?? defaultHostgroup) !== defaultHostgroup,
    )
    .map(([user]) => user);
  if (elsewhere.length > 0) lacks.push(`users have another default hostgroup than at the members: ${few(elsewhere)}`);
  const loose = [...found.users].filter(([, user]) => !user.transactionPersistent).map(([user]) => user);
  if (loose.length > 0) lacks.push(`users have transaction_persistent=0: ${few(loose)}`);
  for (const hostgroup of [...source, ...clusters]) {
    const servers = found.servers.get(hostgroup) ?? [];
    const theirs = new Set(members.flatMap((member) => member.servers.get(hostgroup) ?? []));
    if (servers.length === 0 && theirs.size > 0) lacks.push(`hostgroup ${hostgroup} has no server that can serve`);
    else if (clusters.includes(hostgroup) && theirs.size > 0 && !servers.some((server) => theirs.has(server))) {
      lacks.push(`hostgroup ${hostgroup} has ${few(servers)}, the members have ${few([...theirs])}`);
    }
  }
  const [first] = members;
  const agreed = first !== undefined && members.every((member) => textOf(member.foreign) === textOf(first.foreign));
  if (agreed && textOf(found.foreign) !== textOf(first.foreign)) {
    const own = new Set(found.foreign.map((rule) => textOf([rule])));
    const theirs = new Set(first.foreign.map((rule) => textOf([rule])));
    const differing = [
      ...first.foreign.filter((rule) => !own.has(textOf([rule]))),
      ...found.foreign.filter((rule) => !theirs.has(textOf([rule]))),
    ].map(({ rule_id }) => String(rule_id));
    lacks.push(`rules that are not the controller’s differ from the members’: ${few([...new Set(differing)])}`);
  }
  return lacks;
}
