import { ClientConnection } from '../mysql/client/connection.ts';
import { dmsFaults } from './fault.ts';
import type { Surroundings } from './surroundings.ts';

interface Tested {
  readonly instanceArn: string;
  readonly endpointArn: string;
  status: 'testing' | 'successful' | 'failed';
  failure: string | null;
}

const TEST_TIMEOUT_MS = 5_000;

/** Tests of connections from the instances to their endpoints: no task starts whose connections were not tested. */
export class TestedConnections {
  readonly #all = new Map<string, Tested>();
  readonly #world: Surroundings;

  constructor(world: Surroundings) {
    this.#world = world;
  }

  test(instanceArn: string, endpointArn: string, host: string): void {
    const key = `${instanceArn} ${endpointArn}`;
    if (this.#all.get(key)?.status === 'testing') throw dmsFaults.state('the connection is already being tested');
    const tested: Tested = { instanceArn, endpointArn, status: 'testing', failure: null };
    this.#all.set(key, tested);
    const opening = ClientConnection.open(this.#world, this.#world.process, { host, port: 3306, user: 'dms' });
    this.#world.within(opening, TEST_TIMEOUT_MS).then(
      (connection) => {
        connection.close();
        tested.status = 'successful';
      },
      (error: Error) => {
        tested.status = 'failed';
        tested.failure = error.message;
      },
    );
  }

  isGood(instanceArn: string, endpointArn: string): boolean {
    return this.#all.get(`${instanceArn} ${endpointArn}`)?.status === 'successful';
  }

  show(instanceArns: readonly string[]): readonly object[] {
    return [...this.#all.values()]
      .filter((tested) => instanceArns.length === 0 || instanceArns.includes(tested.instanceArn))
      .map(({ instanceArn, endpointArn, status, failure }) => ({
        ReplicationInstanceArn: instanceArn,
        EndpointArn: endpointArn,
        Status: status,
        ...(failure === null ? {} : { LastFailureMessage: failure }),
      }));
  }
}
