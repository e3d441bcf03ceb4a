// A controller’s couriers as a process of their own, to be killed.
import { createStore } from '../../src/adapters/store/store.ts';
import { Sending } from './world.ts';

const { store, hooks, instance, leaseMs } = JSON.parse(process.argv[2] ?? '');
new Sending(createStore(store), hooks, instance, leaseMs);
