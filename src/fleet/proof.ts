import { CutoverError } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { ProxyFacts } from '../ports/fleet.ts';
import type { Knock, Network } from '../ports/network.ts';
import type { ClientHost, Place } from '../ports/place.ts';

/** Where a proxy listens, and where it comes from. */
export interface ProxyAddress {
  readonly name: string;
  readonly host: string;
  readonly adminPort: number;
  readonly port?: number | undefined;
  /** As the databases see it; without them the addresses of `host`. */
  readonly addresses?: readonly string[] | undefined;
}

/** A proof that a proxy can reach neither side, or why there is none; either way what was seen. */
export interface Proof {
  /** Null where it is proven. */
  readonly missing: string | null;
  readonly evidence: Readonly<Record<string, unknown>>;
}

export interface ProofInput {
  readonly proxy: ProxyAddress;
  readonly facts: ProxyFacts | null;
  /** All other proxies, members or not. */
  readonly others: readonly ProxyAddress[];
  /** Every site and every cluster. */
  readonly places: readonly Pick<Place, 'name' | 'clientHosts'>[];
  readonly network: Network;
  readonly clock: Clock;
}

const knocks = 5;
const knockEveryMs = 500;
const knockTimeoutMs = 2_000;
const lookEveryMs = 500;
/** A monitor that looks less often than this is not waited for (milliseconds). */
const longestWatchMs = 120_000;

/**
 * Proves that a proxy can send nothing to any side. Either nobody listens at any of its ports, again and again: then no
 * process is there that could. Or nothing answers at all, and no database has had a session from its address for longer
 * than its monitor's pace. A process that listens, even a frozen one, can go on at any moment: there is no proof. A
 * session from its address speaks against it in both cases.
 */
export async function proveDead(input: ProofInput, signal?: AbortSignal): Promise<Proof> {
  const { proxy, facts, clock } = input;
  const ports = [
    ...new Set([proxy.adminPort, ...(proxy.port === undefined ? [] : [proxy.port]), ...(facts?.trafficPorts ?? [])]),
  ];
  const evidence: Record<string, unknown> = { host: proxy.host, ports, seenBefore: facts };
  const missing = (why: string): Proof => ({ missing: why, evidence });
  if (ports.length < 2) return missing('the port of its traffic is not known: give `port` in the configuration');

  const answers: Record<string, Knock>[] = [];
  evidence.knocks = answers;
  for (let n = 0; n < knocks; n++) {
    if (n > 0) await clock.sleep(knockEveryMs, signal);
    const found = await Promise.all(ports.map((port) => input.network.knock(proxy.host, port, knockTimeoutMs)));
    answers.push(Object.fromEntries(ports.map((port, index) => [port, found[index] ?? 'silent'])));
    const open = ports.filter((_, index) => found[index] === 'open');
    if (open.length > 0)
      return missing(`a process listens at ${open.map((port) => `${proxy.host}:${port}`).join(', ')}`);
  }
  const refused = answers.every((answer) => Object.values(answer).every((found) => found === 'refused'));
  evidence.kind = refused ? 'nobody listens' : 'no answer and no session';

  const addresses = await addressesOf(proxy, input.network);
  const shared = await sharedWith(addresses, input);
  Object.assign(evidence, { addresses, sharedWith: shared });
  if (refused && shared.length > 0) return { missing: null, evidence };
  if (shared.length > 0) {
    return missing(`it does not answer, and sessions cannot tell: ${shared.join(', ')} comes from the same address`);
  }
  if (addresses.length === 0)
    return missing(`no address of ${proxy.host} is known: give \`addresses\` in the configuration`);
  const watchMs = refused ? 0 : watchFor(facts);
  if (watchMs === null) {
    return missing('it does not answer, and without a monitor of known pace the absence of sessions proves nothing');
  }
  evidence.watchedMs = watchMs;
  const { sessions, unasked } = await sessionsSeen(input, addresses, watchMs, signal);
  Object.assign(evidence, { sessions, unasked });
  // Where nobody listens, a place that is down takes nothing away from the proof.
  if (!refused && unasked.length > 0) return missing(`its sessions could not be looked for at ${unasked.join(', ')}`);
  return sessions.length > 0
    ? missing(`sessions from its address are open: ${sessions.join(', ')}`)
    : { missing: null, evidence };
}

/** One and a half times the pace, and a moment more. */
function watchFor(facts: ProxyFacts | null): number | null {
  const everyMs = facts?.monitorEveryMs ?? null;
  return everyMs === null || everyMs * 1.5 > longestWatchMs ? null : everyMs * 1.5 + 1_000;
}

async function addressesOf({ host, addresses }: ProxyAddress, network: Network): Promise<readonly string[]> {
  const found = await Promise.all((addresses ?? [host]).map((each) => network.resolve(each)));
  return [...new Set(found.flat())];
}

async function sharedWith(addresses: readonly string[], { others, network }: ProofInput): Promise<readonly string[]> {
  const found = await Promise.all(
    others.map(async (other) =>
      (await addressesOf(other, network)).some((each) => addresses.includes(each)) ? other.name : null,
    ),
  );
  return found.filter((name) => name !== null);
}

/** Sessions that could be the proxy's, seen at any place at any look; the first look that finds some is the last. */
async function sessionsSeen(
  { places, network, clock }: ProofInput,
  addresses: readonly string[],
  watchMs: number,
  signal: AbortSignal | undefined,
): Promise<{ readonly sessions: readonly string[]; readonly unasked: readonly string[] }> {
  const untilMs = clock.monotonicMs() + watchMs;
  // A host that nobody can resolve may be the proxy's.
  const known = new Map<string, boolean>();
  const mayBe = async ({ host }: ClientHost): Promise<boolean> => {
    const before = known.get(host);
    if (before !== undefined) return before;
    const resolved = await network.resolve(host);
    const found = resolved.length === 0 || resolved.some((each) => addresses.includes(each));
    known.set(host, found);
    return found;
  };
  for (;;) {
    const unasked: string[] = [];
    const seen = await Promise.all(
      places.map(async (place) => {
        const hosts = await place.clientHosts(signal).catch((error: unknown) => {
          if (!(error instanceof CutoverError)) throw error;
          unasked.push(`${place.name}: ${error.message}`);
          return [];
        });
        const suspicious = await Promise.all(hosts.map(async (host) => ((await mayBe(host)) ? host : null)));
        return suspicious
          .filter((each) => each !== null)
          .map(({ host, user, sessions }) => `${sessions} of ${user} from ${host} at ${place.name}`);
      }),
    );
    const sessions = seen.flat();
    if (sessions.length > 0 || unasked.length > 0 || clock.monotonicMs() >= untilMs) return { sessions, unasked };
    await clock.sleep(lookEveryMs, signal);
  }
}
