import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import type { Knock, Network } from '../ports/network.ts';

/** The machine's own network. */
export const systemNetwork: Network = {
  knock: (host, port, timeoutMs) =>
    new Promise<Knock>((resolve) => {
      const socket = connect({ host, port, timeout: timeoutMs });
      const end = (found: Knock) => {
        socket.destroy();
        resolve(found);
      };
      socket.once('connect', () => end('open'));
      socket.once('timeout', () => end('silent'));
      // Only a refusal says that nobody listens; an unreachable host says nothing about the process.
      socket.on('error', (error: NodeJS.ErrnoException) => end(isRefusal(error) ? 'refused' : 'silent'));
    }),

  async resolve(host) {
    try {
      return (await lookup(host, { all: true })).map(({ address }) => address.replace(/^::ffff:/i, ''));
    } catch {
      // A name that nobody knows has no address: that is the answer.
      return [];
    }
  },
};

/** A host with several addresses is tried at each: then the errors come together. */
function isRefusal(error: NodeJS.ErrnoException): boolean {
  const all = error instanceof AggregateError ? (error.errors as NodeJS.ErrnoException[]) : [error];
  return all.every(({ code }) => code === 'ECONNREFUSED');
}
