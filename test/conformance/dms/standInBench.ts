import { setTimeout as sleep } from 'node:timers/promises';
import { CreateEndpointCommand } from '@aws-sdk/client-database-migration-service';
import type { Connection } from 'mysql2/promise';
import type { DmsApi } from '../../../src/adapters/dms/api.ts';
import { sdkApi } from '../../../src/adapters/dms/sdkApi.ts';
import { Fixture, unique } from './fixture.ts';
import { freshSchema, nativePosition } from './rows.ts';
import { type Place, SCHEMA, TaskBench } from './suites/bench.ts';

/** The stand-in between a MariaDB site and a cluster, with the product's own calls before it. */
export class StandInBench extends TaskBench {
  readonly api: DmsApi;
  readonly staleMs = 30;
  readonly manyRows = 6_000;
  readonly #lab: Fixture;
  readonly #connections: Readonly<Record<Place, Connection>>;

  private constructor(lab: Fixture, connections: Readonly<Record<Place, Connection>>) {
    super();
    this.#lab = lab;
    this.#connections = connections;
    const { url, region } = lab.dms;
    const nobody = { sourceEndpointArn: '', targetEndpointArn: '' };
    this.api = sdkApi({
      region,
      endpoint: url,
      credentials: { accessKeyId: 'any', secretAccessKey: 'thing' },
      replicationInstanceArn: lab.instanceArn,
      forward: nobody,
      reverse: nobody,
    });
  }

  static async start(): Promise<StandInBench> {
    // Slower than the lab's default, so that what passes by is seen.
    const latencies = {
      createMs: 20,
      startMs: 40,
      stopMs: 40,
      deleteMs: 60,
      testConnectionMs: 300,
      describeStalenessMs: 20,
    };
    const lab = await Fixture.start({ latencies });
    const connections = { site: await lab.connect(lab.maria), cluster: await lab.connect(lab.cluster) };
    await freshSchema(Object.values(connections), SCHEMA);
    for (const connection of Object.values(connections)) {
      await connection.query(
        `CREATE TABLE Calls (OrgID INT NOT NULL, ID BIGINT NOT NULL, Version BIGINT NOT NULL, PRIMARY KEY (OrgID, ID));
         CREATE TABLE Marks (OrgID INT NOT NULL, ID BIGINT NOT NULL, PRIMARY KEY (OrgID, ID))`,
      );
    }
    return new StandInBench(lab, connections);
  }

  get instanceArn(): string {
    return this.#lab.instanceArn;
  }

  async stop(): Promise<void> {
    this.api.close();
    await this.#lab.stop();
  }

  endpoint(place: Place, side: 'source' | 'target'): Promise<string> {
    return this.#lab.endpoint(this.#server(place), side);
  }

  untestedEndpoint(): Promise<string> {
    return this.#lab.untestedEndpoint(this.#lab.maria, 'source');
  }

  async brokenEndpoint(): Promise<string> {
    const { Endpoint } = await this.#lab.client.send(
      new CreateEndpointCommand({
        EndpointIdentifier: unique('nobody'),
        EndpointType: 'target',
        EngineName: 'aurora',
        ServerName: '127.0.0.1',
        Port: this.#lab.cluster.port,
        Username: 'nobody',
        Password: 'wrong',
      }),
    );
    return Endpoint?.EndpointArn ?? '';
  }

  async sql(place: Place, ...statements: readonly string[]): Promise<readonly string[]> {
    const [result] = await this.#connections[place].query({ sql: statements.join(';\n'), rowsAsArray: true });
    const last = statements.length > 1 ? (result as unknown[]).at(-1) : result;
    return Array.isArray(last) ? last.map((row: unknown[]) => row.join(' ')) : [];
  }

  position(place: Place): Promise<string> {
    return nativePosition(this.#connections[place], this.#server(place));
  }

  nowMs(): number {
    return performance.now();
  }

  sleep(ms: number): Promise<void> {
    return sleep(ms);
  }

  #server(place: Place) {
    return place === 'site' ? this.#lab.maria : this.#lab.cluster;
  }
}
