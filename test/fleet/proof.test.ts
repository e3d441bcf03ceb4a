import { connect, createServer, type Server } from 'node:net';
import { type Connection, createConnection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type DatabaseServer,
  freePort,
  makeTempFolder,
  pollUntil,
  removeFolder,
  startCluster,
  startMariaDb,
} from '../../infra/lab/databases/index.ts';
import { systemClock } from '../../src/adapters/clock.ts';
import { createCluster, createSite, type DatabasePlace } from '../../src/adapters/mysql/index.ts';
import { systemNetwork } from '../../src/adapters/network.ts';
import { type Proof, type ProofInput, proveDead } from '../../src/fleet/proof.ts';
import type { Knock, Network } from '../../src/ports/network.ts';

/** An address of this machine that nobody else comes from. */
const ofProxy = '127.0.0.9';
const facts = { version: '2.7.1', trafficPorts: [6033], monitorEveryMs: 600 };

let folder: string;
const servers: DatabaseServer[] = [];
const places: DatabasePlace[] = [];
let nowhere: DatabasePlace;
beforeAll(async () => {
  folder = await makeTempFolder('bigdb-proof-');
  servers.push(
    await startMariaDb({ name: 'lon1', baseDir: folder }),
    await startCluster({ name: 'euwest2', baseDir: folder }),
  );
  const [lon1, euwest2] = servers.map(({ host, port, user, password }) => ({
    host,
    port,
    user,
    password,
    purge: { user, password },
  }));
  if (lon1 === undefined || euwest2 === undefined) throw new Error('two servers were started');
  places.push(
    createSite({ ...lon1, name: 'lon1', serverId: 1 }),
    createCluster({ ...euwest2, name: 'euwest2', homeRegion: 'eu-west-2' }),
  );
  nowhere = createSite({ ...lon1, port: await freePort(), name: 'lon2', serverId: 2 });
});
afterAll(async () => {
  await Promise.all([...places, nowhere].map((place) => place.close()));
  await Promise.all(servers.map((server) => server.stop()));
  await removeFolder(folder);
});

const open: Connection[] = [];
afterEach(async () => {
  for (const connection of open.splice(0)) await connection.end();
  for (const place of places) {
    await pollUntil('its sessions to be gone', async () =>
      (await place.clientHosts()).every(({ host }) => host !== ofProxy),
    );
  }
});

/** A session as the proxy's backend connections are. */
async function session(index: number): Promise<void> {
  const { host, port, user, password } = servers[index] ?? expect.unreachable('no such server');
  const stream = () => connect({ host, port, localAddress: ofProxy });
  open.push(await createConnection({ user, password, stream }));
}

/** The machine's network, with what the knocks find put in its place. */
const knocking = (...answers: Knock[]): Network => ({
  ...systemNetwork,
  knock: async () => answers.shift() ?? 'silent',
});
const always = (answer: Knock): Network => ({ ...systemNetwork, knock: async () => answer });

const prove = (changes: Partial<ProofInput> = {}): Promise<Proof> =>
  proveDead({
    proxy: { name: 'gone', host: ofProxy, adminPort: 6032 },
    facts,
    others: [{ name: 'other', host: '127.0.0.10', adminPort: 6032 }],
    places,
    network: always('silent'),
    clock: systemClock,
    ...changes,
  });

describe.each([
  ['a site', 0],
  ['a cluster', 1],
] as const)('%s', (_, index) => {
  it('tells where its sessions come from, the controller’s own among them', async () => {
    const before = (await places[index]?.clientHosts()) ?? [];
    expect(before.length).toBeGreaterThan(0);
    expect(before.map(({ host }) => host)).not.toContain(ofProxy);
    await session(index);
    expect(await places[index]?.clientHosts()).toContainEqual({
      host: ofProxy,
      user: servers[index]?.user,
      sessions: 1,
    });
  });
});

describe('a proxy that does not answer at all', () => {
  it('is proven dead once no database has had a session of it for longer than its monitor’s pace', async () => {
    expect(await prove()).toEqual({
      missing: null,
      evidence: expect.objectContaining({
        kind: 'no answer and no session',
        addresses: [ofProxy],
        watchedMs: 1_900,
        sessions: [],
        ports: [6032, 6033],
      }),
    });
  });

  it.each([0, 1])('is not while server %i has a session from its address', async (index) => {
    await session(index);
    const { missing, evidence } = await prove();
    expect(missing).toContain(`1 of ${servers[index]?.user} from ${ofProxy} at ${places[index]?.name}`);
    expect(evidence.sessions).toHaveLength(1);
  });

  it('is not where a session comes only in the course of the watch', async () => {
    let looks = 0;
    const late = {
      name: 'lon1',
      clientHosts: async () => {
        // As a monitor would: it was not there at the first look.
        if (looks++ === 1) await session(0);
        return (await places[0]?.clientHosts()) ?? [];
      },
    };
    expect((await prove({ places: [late] })).missing).toContain(ofProxy);
    expect(looks).toBe(2);
  });

  it.each<[string, Partial<ProofInput>, string]>([
    ['another proxy comes from the same address', { others: [{ name: 'twin', host: ofProxy, adminPort: 1 }] }, 'twin'],
    ['its monitor is off', { facts: { ...facts, monitorEveryMs: null } }, 'without a monitor'],
    [
      'its monitor is slower than anybody would wait',
      { facts: { ...facts, monitorEveryMs: 600_000 } },
      'without a monitor',
    ],
    ['nothing is known of its ports', { facts: null }, '`port` in the configuration'],
    ['its host has no address', { proxy: { name: 'gone', host: 'nowhere.invalid', adminPort: 1 } }, '`addresses`'],
  ])('is not where %s', async (_, changes, why) => {
    expect((await prove(changes)).missing).toContain(why);
  });

  it('is not where a place cannot be asked', async () => {
    expect((await prove({ places: [...places, nowhere] })).missing).toContain('could not be looked for at lon2');
  });

  it('is not where a host that nobody can resolve has a session: it may be the proxy’s', async () => {
    const strange = { name: 'lon1', clientHosts: async () => [{ host: 'who.invalid', user: 'app', sessions: 3 }] };
    expect((await prove({ places: [strange] })).missing).toContain('3 of app from who.invalid');
  });
});

describe('a proxy where nobody listens', () => {
  const network = always('refused');

  it('is proven dead, also while a place is down, and where others share its address', async () => {
    expect((await prove({ network, places: [...places, nowhere] })).missing).toBeNull();
    expect((await prove({ network, others: [{ name: 'twin', host: ofProxy, adminPort: 1 }] })).missing).toBeNull();
  });

  it('is not while sessions from its address are open: a host that died has left them, or somebody is there', async () => {
    await session(0);
    expect((await prove({ network })).missing).toContain('sessions from its address are open');
  });

  it('is not where one port refuses and the other is silent, but for the proof by sessions', async () => {
    const half = knocking(...Array.from({ length: 10 }, (_, n): Knock => (n % 2 === 0 ? 'refused' : 'silent')));
    expect(await prove({ network: half, facts: { ...facts, monitorEveryMs: null } })).toMatchObject({
      missing: expect.stringContaining('without a monitor'),
      evidence: { kind: 'no answer and no session' },
    });
  });

  it('is not when a supervisor starts it again between two knocks', async () => {
    const restarted = knocking('refused', 'refused', 'refused', 'refused', 'refused', 'open');
    expect(await prove({ network: restarted })).toMatchObject({
      missing: `a process listens at ${ofProxy}:6033`,
      evidence: { knocks: expect.objectContaining({ length: 3 }) },
    });
  });
});

describe('a knock', () => {
  let server: Server | undefined;
  afterEach(() => server?.close());

  it('finds who listens, even one that says nothing, and a port where nobody does', async () => {
    const port = await freePort();
    expect(await systemNetwork.knock('127.0.0.1', port, 1_000)).toBe('refused');
    expect(await systemNetwork.knock('localhost', port, 1_000)).toBe('refused');
    server = createServer().listen(port, '127.0.0.1');
    await pollUntil('the listener', async () => server?.listening === true);
    expect(await systemNetwork.knock('127.0.0.1', port, 1_000)).toBe('open');
    expect(await systemNetwork.knock('nowhere.invalid', port, 1_000)).toBe('silent');
  });

  it('an address is its own, a name has those that it is known by, and an unknown one has none', async () => {
    expect(await systemNetwork.resolve(ofProxy)).toEqual([ofProxy]);
    expect(await systemNetwork.resolve('localhost')).toContain('127.0.0.1');
    expect(await systemNetwork.resolve('nowhere.invalid')).toEqual([]);
  });
});
