/** What a knock at a port says: nobody listens there, somebody does, or there was no answer at all. */
export type Knock = 'refused' | 'open' | 'silent';

/** The network, as far as proofs about proxies need it. */
export interface Network {
  /** Asks for a connection and drops it at once. Never throws. */
  knock(host: string, port: number, timeoutMs: number): Promise<Knock>;
  /** Addresses of a host; none where it has none. An address is its own. */
  resolve(host: string): Promise<readonly string[]>;
}
