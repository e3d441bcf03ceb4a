import { describe, expect, it } from 'vitest';
import type { EffectRun } from '../../src/driver/handlers.ts';
import { DestinationForeignError, PlaceError } from '../../src/errors/index.ts';
import type { Estate } from '../../src/estate/estate.ts';
import type { FlipAttempt } from '../../src/flip/attempt.ts';
import { assertDestinationOwned } from '../../src/flip/destination.ts';
import type { ServerAddress } from '../../src/ports/place.ts';

const own: ServerAddress = { host: 'writer.eu', port: 3306 };
const instance: ServerAddress = { host: 'instance-2.eu', port: 3306 };
const stranger: ServerAddress = { host: 'writer.us', port: 3306 };
const silent: ServerAddress = { host: 'gone.eu', port: 3306 };

const identities: Readonly<Record<string, object>> = {
  [instance.host]: { kind: 'cluster', name: 'eu', homeRegion: 'eu-west-2' },
  [stranger.host]: { kind: 'cluster', name: 'us', homeRegion: 'us-east-1' },
};

/** A fleet in which each proxy has these servers; tells who was asked. */
function world(...fleet: readonly (readonly ServerAddress[])[]) {
  const asked: string[] = [];
  const cluster = {
    name: 'eu',
    homeRegion: 'eu-west-2',
    isAt: ({ host }: ServerAddress) => host === own.host,
    reader: ({ host }: ServerAddress) => ({
      identity: async () => {
        asked.push(host);
        const found = identities[host];
        if (found === undefined) throw new PlaceError(`reader ${host}`, 'asking who it is', new Error('no route'));
        return found;
      },
    }),
  };
  const proxies = fleet.map((servers, index) => ({ name: `proxy-${index + 1}`, servers: async () => servers }));
  const estate = { clusters: new Map([['eu-west-2', cluster]]), routing: { proxies } } as unknown as Estate;
  const attempt = { owner: { orgId: 42, homeRegion: 'eu-west-2' } } as unknown as FlipAttempt;
  const run = { signal: new AbortController().signal } as unknown as EffectRun;
  return { asked, look: () => assertDestinationOwned(estate, attempt, run) };
}

describe('the destination of a flip', () => {
  it('is the cluster’s own address, or says that it is the cluster; each is asked once', async () => {
    const { asked, look } = world([own, instance], [instance, own], [own]);
    await look();
    expect(asked).toEqual([instance.host]);
  });

  it.each([
    ['another region’s cluster', stranger, 'cluster us (us-east-1)'],
    ['what does not say what it is', silent, 'a server that does not say what it is'],
  ])('is not %s, at whichever proxy', async (_what, foreign, found) => {
    const { look } = world([own], [own, foreign]);
    const error = await look().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DestinationForeignError);
    expect(error).toMatchObject({ message: expect.stringContaining(`proxy proxy-2 has ${foreign.host}:3306`) });
    expect(error).toMatchObject({ details: { found: expect.stringContaining(found) } });
  });
});
