import type { DmsApi } from '../../../../src/adapters/dms/api.ts';
import { type Place, SCHEMA, TaskBench } from '../../../conformance/dms/suites/bench.ts';
import { SimServer } from '../../mysql/index.ts';
import { Network } from '../../net/network.ts';
import { SimProcess } from '../../time/process.ts';
import { Random } from '../../time/random.ts';
import { Scheduler } from '../../time/scheduler.ts';
import { VirtualTime } from '../../time/virtualTime.ts';
import { SimDms } from '../index.ts';

const region = 'eu-west-2';
const endpoints = [
  { arn: 'site-source', side: 'source', server: 'site' },
  { arn: 'site-target', side: 'target', server: 'site' },
  { arn: 'cluster-source', side: 'source', server: 'cluster' },
  { arn: 'cluster-target', side: 'target', server: 'cluster' },
  { arn: 'untested', side: 'source', server: 'site' },
  { arn: 'nobody', side: 'target', server: 'nobody' },
] as const;

/** What happens to a task now and then in the world (it is resumed by itself, a call comes twice) does not happen here. */
class Uneventful extends Random {
  override chance(): boolean {
    return false;
  }

  override fork(): Random {
    return new Uneventful(this.integer(0, 2 ** 32));
  }
}

/** The simulated service between two simulated databases, over simulated links, in virtual time. */
export class SimTaskBench extends TaskBench {
  readonly api: DmsApi;
  readonly staleMs = 150;
  readonly manyRows = 300;
  readonly instanceArn = 'instance';
  readonly #scheduler: Scheduler;
  readonly #time: VirtualTime;
  readonly #servers: Readonly<Record<Place, SimServer>>;
  readonly #faults: readonly unknown[];
  readonly #tested = new Set<string>();

  private constructor(parts: {
    scheduler: Scheduler;
    dms: SimDms;
    servers: Readonly<Record<Place, SimServer>>;
    faults: readonly unknown[];
  }) {
    super();
    this.#scheduler = parts.scheduler;
    this.#servers = parts.servers;
    this.#faults = parts.faults;
    this.api = parts.dms.api(new SimProcess('controller', parts.scheduler), region);
    this.#time = new VirtualTime(parts.scheduler);
  }

  static async start(): Promise<SimTaskBench> {
    const scheduler = new Scheduler();
    const random = new Uneventful(1);
    const faults: unknown[] = [];
    const fault = (error: unknown) => void faults.push(error);
    const make = (name: string, flavour: 'mariadb' | 'mysql', serverId: number) =>
      new SimServer({ name, flavour, serverId, domain: serverId, scheduler, fault });
    const servers = { site: make('site', 'mariadb', 1), cluster: make('cluster', 'mysql', 2) };
    const nobody = make('nobody', 'mysql', 3);
    const dms = await SimDms.make({
      scheduler,
      network: new Network(scheduler, random.fork(), () => {}),
      random: random.fork(),
      regions: [{ homeRegion: region, instanceArn: 'instance', endpoints }],
      server: (name) => (name === 'site' || name === 'cluster' ? servers[name] : nobody),
      tell: () => {},
      fault,
    });
    nobody.crash();
    const bench = new SimTaskBench({ scheduler, dms, servers, faults });
    for (const place of ['site', 'cluster'] as const) {
      await bench.sql(
        place,
        `CREATE DATABASE ${SCHEMA}`,
        `CREATE TABLE ${SCHEMA}.Calls (OrgID INT NOT NULL, ID BIGINT NOT NULL, Version BIGINT NOT NULL, PRIMARY KEY (OrgID, ID))`,
        `CREATE TABLE ${SCHEMA}.Marks (OrgID INT NOT NULL, ID BIGINT NOT NULL, PRIMARY KEY (OrgID, ID))`,
      );
    }
    return bench;
  }

  /** Throws where the simulation met something that it does not know. */
  async stop(): Promise<void> {
    await this.#time.stop();
    const [first] = this.#faults;
    if (first !== undefined) throw first;
  }

  async endpoint(place: Place, side: 'source' | 'target'): Promise<string> {
    const arn = `${place}-${side}`;
    if (!this.#tested.has(arn)) await this.test(arn);
    this.#tested.add(arn);
    return arn;
  }

  async untestedEndpoint(): Promise<string> {
    return 'untested';
  }

  async brokenEndpoint(): Promise<string> {
    return 'nobody';
  }

  async sql(place: Place, ...statements: readonly string[]): Promise<readonly string[]> {
    const session = this.#servers[place].local();
    let rows: readonly (readonly unknown[])[] | null = null;
    for (const statement of statements) ({ rows } = await session.execute(statement));
    session.end('done');
    return (rows ?? []).map((row) => row.join(' '));
  }

  async position(place: Place): Promise<string> {
    const { file, position } = this.#servers[place].core.binlog;
    return `${file}:${position}`;
  }

  nowMs(): number {
    return this.#scheduler.nowMs;
  }

  sleep(ms: number): Promise<void> {
    return this.#scheduler.sleep(ms);
  }
}
