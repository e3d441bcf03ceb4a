import type { Random } from '../time/random.ts';
import { siteNames } from './config.ts';
import type { WorldServer } from './databases.ts';
import { clusterNames, type World } from './world.ts';

export const faultKinds = [
  'crash',
  'pause',
  'handOver',
  'clockJump',
  'partition',
  'weather',
  'proxyFreeze',
  'proxyRestart',
  'proxyCutOff',
  'colleague',
  'serverFreeze',
  'serverCrash',
  'readOnly',
  'replicationStall',
  'task',
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** How much more often a fault comes than the others. */
const weights: Readonly<Record<FaultKind, number>> = {
  crash: 5,
  pause: 3,
  handOver: 1,
  clockJump: 1,
  partition: 4,
  weather: 3,
  proxyFreeze: 2,
  proxyRestart: 2,
  proxyCutOff: 1,
  colleague: 1,
  serverFreeze: 2,
  serverCrash: 2,
  readOnly: 1,
  replicationStall: 1,
  task: 2,
};

/** How often a tool reloads a proxy's rules when it does, and within what time (milliseconds). */
const reloads = 8;
const reloadsWithinMs = 16;

/** What goes wrong, each thing for a while. */
export class Faults {
  readonly counts = new Map<FaultKind, number>();
  readonly #world: World;
  readonly #random: Random;
  /** Ends of what is wrong now. */
  readonly #open = new Set<() => void>();
  readonly #hear: (kind: FaultKind) => void;
  readonly #ways: Readonly<Record<FaultKind, (orgId: number | undefined) => void>> = {
    crash: (orgId) => this.#crash(orgId),
    pause: (orgId) => this.#pause(orgId),
    handOver: (orgId) => this.#handOver(orgId),
    clockJump: (orgId) => this.#clockJump(orgId),
    partition: (orgId) => this.#partition(orgId),
    weather: () => this.#weather(),
    proxyFreeze: () => this.#proxyFreeze(),
    proxyRestart: () => this.#proxyRestart(),
    proxyCutOff: () => this.#proxyCutOff(),
    colleague: () => this.#colleague(),
    serverFreeze: () => this.#serverFreeze(),
    serverCrash: () => this.#serverCrash(),
    readOnly: () => this.#readOnly(),
    replicationStall: () => this.#replicationStall(),
    task: () => this.#task(),
  };

  /** @param hear told before each fault, while everything is still as it was */
  constructor(world: World, hear: (kind: FaultKind) => void) {
    this.#world = world;
    this.#random = world.random.fork();
    this.#hear = hear;
  }

  get anyOpen(): boolean {
    return this.#open.size > 0;
  }

  /** Faults at any moment, as the seed's mood has them. */
  begin(): void {
    const { everyMs } = this.#world.choice.mood;
    if (everyMs === 0) return;
    this.#world.scheduler.after(this.#random.between(0.1, 1.9) * everyMs, () => {
      if (this.#world.nowMs >= this.#world.choice.troubleUntilMs) return;
      this.strike(this.#random.weighted(faultKinds.map((kind) => [weights[kind], kind] as const)));
      this.begin();
    });
  }

  /** Everything that is wrong ends. */
  healAll(): void {
    for (const end of [...this.#open]) end();
  }

  /** @param orgId an org that it should concern, where it can */
  strike(kind: FaultKind, orgId?: number): void {
    this.#hear(kind);
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    this.#world.troubleMs = this.#world.nowMs;
    this.#ways[kind](orgId);
  }

  #tell(what: string): void {
    this.#world.story.tell('fault', what);
  }

  /** Has something wrong for a time; `end` comes once, at its time or when all is healed. */
  #lasting(fromMs: number, toMs: number, end: () => void): void {
    const { scheduler } = this.#world;
    const once = () => {
      if (!this.#open.delete(once)) return;
      cancel();
      this.#world.troubleMs = this.#world.nowMs;
      end();
    };
    this.#open.add(once);
    const cancel = scheduler.after(this.#random.between(fromMs, toMs), once);
  }

  /** The org's owner, or any controller that runs. */
  #controller(orgId: number | undefined): World['controllers'][number] | null {
    const running = this.#world.controllers.filter(({ process }) => process.state === 'running');
    if (running.length === 0) return null;
    const journal = orgId === undefined ? null : this.#world.journalOf(orgId);
    const owner = running.find((one) => journal !== null && one.stateOf(journal.id) !== null);
    return owner ?? this.#random.pick(running);
  }

  #crash(orgId: number | undefined): void {
    const controller = this.#controller(orgId);
    if (controller === null) return;
    this.#tell(`${controller.name} is killed`);
    controller.kill();
    this.#lasting(200, 6_000, () => controller.start());
  }

  #handOver(orgId: number | undefined): void {
    const controller = this.#controller(orgId);
    if (controller === null) return;
    this.#tell(`${controller.name} is told to stop`);
    controller.stopInOrder();
    this.#lasting(5_000, 10_000, () => controller.start());
  }

  #pause(orgId: number | undefined): void {
    const controller = this.#controller(orgId);
    if (controller === null) return;
    this.#tell(`${controller.name} is stopped by SIGSTOP`);
    const { process } = controller;
    process.stop();
    this.#lasting(100, 9_000, () => {
      this.#tell(`${controller.name} goes on`);
      process.continue();
    });
  }

  #clockJump(orgId: number | undefined): void {
    const controller = this.#controller(orgId);
    if (controller === null) return;
    const jumpMs = this.#random.pick([-3_600_000, 3_600_000]);
    this.#tell(`the clock of ${controller.name} jumps by ${jumpMs} ms`);
    controller.process.skewMs += jumpMs;
  }

  #partition(orgId: number | undefined): void {
    const { network, databases, proxies } = this.#world;
    const controller = this.#controller(orgId);
    if (controller === null) return;
    const others = [
      ...proxies.map(({ name }) => name),
      ...siteNames,
      ...clusterNames,
      databases.store.name,
      databases.store.name,
      databases.coredb.name,
      databases.dms.name,
    ];
    const cut = this.#random.chance(0.15) ? others : [this.#random.pick(others)];
    this.#tell(`${controller.name} is cut off from ${[...new Set(cut)].join(', ')}`);
    for (const other of cut) network.cut(controller.name, other);
    this.#lasting(200, 8_000, () => {
      this.#tell(`${controller.name} reaches ${[...new Set(cut)].join(', ')} again`);
      for (const other of cut) network.heal(controller.name, other);
    });
  }

  #weather(): void {
    const { network, databases, proxies, controllers } = this.#world;
    const places = [...siteNames, ...clusterNames, databases.store.name, databases.coredb.name, databases.dms.name];
    const [one, other] = this.#random.chance(0.75)
      ? [this.#random.pick(controllers).name, this.#random.pick([...places, ...proxies.map(({ name }) => name)])]
      : [this.#random.pick(proxies).name, this.#random.pick([...siteNames, ...clusterNames])];
    const trouble = this.#random.between(0.01, 0.25);
    const slowMs = this.#random.between(1, 120);
    this.#tell(
      `messages between ${one} and ${other} get lost (${trouble.toFixed(2)}) and slow (${slowMs.toFixed(0)} ms)`,
    );
    network.setWeather(one, other, { delayMs: [0.3, slowMs], trouble });
    this.#lasting(500, 10_000, () => network.setWeather(one, other, null));
  }

  #proxyFreeze(): void {
    const proxy = this.#random.pick(this.#world.proxies);
    const { process } = proxy;
    if (process.state !== 'running') return;
    this.#tell(`${proxy.name} is frozen`);
    process.stop();
    this.#lasting(100, 7_000, () => {
      this.#tell(`${proxy.name} is thawed`);
      process.continue();
    });
  }

  #proxyRestart(): void {
    const proxy = this.#random.pick(this.#world.proxies);
    if (proxy.process.state !== 'running') return;
    this.#tell(`${proxy.name} is killed`);
    proxy.kill();
    this.#lasting(50, 4_000, () => {
      this.#tell(`${proxy.name} starts again from its disk`);
      proxy.restart();
    });
  }

  #proxyCutOff(): void {
    const { network, proxies } = this.#world;
    const proxy = this.#random.pick(proxies);
    const server = this.#random.pick([...siteNames, ...clusterNames]);
    this.#tell(`${proxy.name} is cut off from ${server}`);
    network.cut(proxy.name, server);
    this.#lasting(200, 5_000, () => network.heal(proxy.name, server));
  }

  /** Somebody else works at the proxies: reloads what is saved, once or as a tool does it, or edits a rule and loads it later. */
  #colleague(): void {
    const proxy = this.#random.pick(this.#world.proxies);
    const sql = this.#random.pick([
      'LOAD MYSQL QUERY RULES FROM DISK',
      'LOAD MYSQL QUERY RULES TO RUNTIME',
      'SAVE MYSQL QUERY RULES TO DISK',
      `REPLACE INTO mysql_query_rules (rule_id, username, comment) VALUES (500, 'nobody', 'an edit')`,
    ]);
    const often = this.#random.chance(0.6) && !sql.startsWith('REPLACE') ? reloads : 1;
    this.#tell(`a colleague at ${proxy.name}, ${often} times: ${sql}`);
    const run = (statement: string) => {
      if (proxy.process.state === 'running') proxy.execute(statement);
    };
    run(sql);
    for (let time = 1; time < often; time++)
      this.#world.scheduler.after(this.#random.between(0, reloadsWithinMs), () => run(sql));
    this.#lasting(300, 4_000, () => run('DELETE FROM mysql_query_rules WHERE rule_id = 500'));
  }

  #server(): WorldServer {
    const { sites, clusters, store, coredb } = this.#world.databases;
    return this.#random.weighted([
      ...sites.map((site) => [2, site] as const),
      ...[...clusters.values()].map((cluster) => [2, cluster] as const),
      [4, store],
      [1, coredb],
    ]);
  }

  #serverFreeze(): void {
    const { name, process } = this.#server();
    if (process.state !== 'running') return;
    this.#tell(`${name} is frozen`);
    process.stop();
    this.#lasting(100, 5_000, () => {
      this.#tell(`${name} is thawed`);
      process.continue();
    });
  }

  #serverCrash(): void {
    const server = this.#server();
    if (server.process.state !== 'running') return;
    this.#tell(`${server.name} is killed`);
    server.kill();
    this.#lasting(200, 5_000, () => {
      this.#tell(`${server.name} starts again`);
      server.restart();
    });
  }

  #readOnly(): void {
    const server = this.#random.pick([...this.#world.databases.clusters.values()]);
    this.#tell(`${server.name} is read-only`);
    server.setReadOnly(true);
    this.#lasting(300, 6_000, () => server.setReadOnly(false));
  }

  #replicationStall(): void {
    const from = this.#random.pick(siteNames);
    this.#tell(`replication from ${from} stands still`);
    this.#world.databases.stallReplication(from, true);
    this.#lasting(300, 6_000, () => this.#world.databases.stallReplication(from, false));
  }

  #task(): void {
    // A table in error stops its task: that is among the settings that the product sends.
    const trouble = this.#random.pick(['fail', 'stop', 'lag'] as const);
    const task = this.#world.databases.troubleTask(trouble);
    if (task !== null) this.#tell(`task ${task}: ${trouble}`);
  }
}
