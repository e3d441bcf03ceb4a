import type { Client } from '../clients/client.ts';
import { Ledger } from '../clients/ledger.ts';
import { Network } from '../net/network.ts';
import { SimProxy } from '../proxy/simProxy.ts';
import { Random } from '../time/random.ts';
import { Scheduler } from '../time/scheduler.ts';
import { chooseWorld, type OrgChoice, regions, type WorldChoice } from './choice.ts';
import { makeClients } from './clients.ts';
import { clusterName, controllerConfig, proxyName, proxySetUp, siteNames } from './config.ts';
import { SimController } from './controllers.ts';
import type { Databases, WorldJournal } from './databases.ts';
import { RuleBroken, Story } from './story.ts';

/** Makes a seed's choice another one, for a test that wants something certain. */
export type ChangeChoice = (choice: WorldChoice) => WorldChoice;

/** What a run has before anything is in it. */
interface Stage {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly random: Random;
  readonly choice: WorldChoice;
  readonly story: Story;
}

/** Makes everything that keeps rows; orgs are set up at every place, their rows at the sites. */
export type MakeDatabases = (
  given: Stage & {
    /** Told of what the simulation itself does not know. */
    readonly fault: (error: unknown) => void;
  },
) => Promise<Databases>;

/** All that there is in one run. */
export class World {
  readonly seed: number;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly story: Story;
  readonly choice: WorldChoice;
  readonly network: Network;
  readonly databases: Databases;
  readonly proxies: readonly SimProxy[];
  readonly controllers: readonly SimController[];
  readonly ledger = new Ledger();
  readonly clients: readonly Client[];
  readonly violations: RuleBroken[];
  /** Orgs whose home moved to another region, and when (virtual milliseconds). */
  readonly homesMoved = new Map<number, number>();
  /** Until when something was wrong, as far as is known now (virtual milliseconds). */
  troubleMs = 0;

  static async make(seed: number, makeDatabases: MakeDatabases, change: ChangeChoice = (same) => same): Promise<World> {
    const random = new Random(seed);
    const choice = change(chooseWorld(random.fork(), seed));
    const scheduler = new Scheduler();
    const story = new Story(() => scheduler.nowMs);
    const network = new Network(scheduler, random.fork(), (what) => story.tell('network', what));
    const violations: RuleBroken[] = [];
    const fault = (error: unknown) => {
      violations.push(new RuleBroken(0, error instanceof Error ? (error.stack ?? error.message) : String(error)));
    };
    const stage = { scheduler, network, random, choice, story };
    const databases = await makeDatabases({ ...stage, random: random.fork(), fault });
    return new World(seed, stage, databases, violations);
  }

  private constructor(seed: number, stage: Stage, databases: Databases, violations: RuleBroken[]) {
    this.seed = seed;
    this.violations = violations;
    this.databases = databases;
    this.random = stage.random;
    this.scheduler = stage.scheduler;
    this.story = stage.story;
    this.choice = stage.choice;
    this.network = stage.network;
    const { choice, scheduler, network } = stage;
    this.proxies = Array.from(
      { length: choice.proxies },
      (_, index) =>
        new SimProxy({
          name: proxyName(index),
          scheduler,
          network,
          random: this.random.fork(),
          connectBackend: databases.connectBackend,
          setUp: proxySetUp(siteNames[index % siteNames.length] ?? siteNames[0], choice),
        }),
    );
    this.controllers = Array.from(
      { length: choice.controllers },
      (_, index) => new SimController(this, controllerConfig(`controller-${index + 1}`, choice)),
    );
    this.clients = makeClients(this);
  }

  /** A rule that does not hold; the run ends with the first. */
  broken(rule: number, message: string): void {
    this.violations.push(new RuleBroken(rule, message));
    this.story.tell(`RULE ${rule}`, message);
  }

  get nowMs(): number {
    return this.scheduler.nowMs;
  }

  get moved(): readonly OrgChoice[] {
    return this.choice.orgs.filter(({ bystander }) => !bystander);
  }

  /** The org's newest journal. */
  journalOf(orgId: number): WorldJournal | null {
    let newest: WorldJournal | null = null;
    for (const journal of this.databases.journals()) {
      if (journal.orgId === orgId && (newest === null || journal.id > newest.id)) newest = journal;
    }
    return newest;
  }

  /** The state that the org is in: as its owner has it in memory, else as the journal says. */
  stateOf(orgId: number): string {
    const journal = this.journalOf(orgId);
    if (journal === null) return 'none';
    for (const controller of this.controllers) {
      const state = controller.stateOf(journal.id);
      if (state !== null && controller.process.state === 'running') return state;
    }
    return journal.state;
  }

  /** Which side a host belongs to. */
  sideOf(host: string): string {
    return (siteNames as readonly string[]).includes(host) ? 'source' : host;
  }

  close(): void {
    for (const proxy of this.proxies) proxy.close();
  }
}

export const clusterNames: readonly string[] = regions.map(clusterName);
