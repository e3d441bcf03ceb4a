/** What a proxy told of itself when it last answered: what a proof that it is dead has to rest on. */
export interface ProxyFacts {
  readonly version: string;
  /** Ports of its traffic, from `mysql-interfaces`. */
  readonly trafficPorts: readonly number[];
  /** How often its monitor looks at the databases (milliseconds); null where it does not. */
  readonly monitorEveryMs: number | null;
}

/** What the store knows of one proxy. */
export interface FleetRow {
  readonly name: string;
  readonly standing: 'member' | 'removed';
  readonly sinceMs: number;
  /** Who changed it last, and why; null for a proxy that was a member from the start. */
  readonly actor: string | null;
  readonly reason: string | null;
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly facts: ProxyFacts | null;
}

/** The fleet at one moment. */
export interface FleetView {
  /** Grows with every change; an attempt commits only on the one that it was prepared with. */
  readonly revision: number;
  readonly proxies: readonly FleetRow[];
  /** A proxy that is being added right now: no flip begins meanwhile. */
  readonly joining: string | null;
}

/** Who changes the fleet, when (epoch milliseconds), why, and what it rests on. */
export interface FleetChange {
  readonly name: string;
  readonly actor: string;
  readonly reason: string | null;
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly atMs: number;
}

/** Which proxies count, for all controllers. Throws `StoreUnavailableError` where the store does not answer. */
export interface FleetStore {
  /**
   * Admits the proxies of the configuration while the fleet is empty, or no org has ever been held. Later a proxy that
   * is new has to be added.
   */
  enrolFleet(names: readonly string[], atMs: number): Promise<void>;
  readFleet(): Promise<FleetView>;
  /** False where it is not a member, or the last one. */
  removeFromFleet(change: FleetChange): Promise<boolean>;
  /** Keeps flips from committing, and new ones from beginning, for as long as the lease lasts; false where another has it. */
  beginJoining(name: string, token: string, leaseMs: number): Promise<boolean>;
  /** False where the lease was lost. */
  keepJoining(token: string, leaseMs: number): Promise<boolean>;
  /** Makes it a member, if the lease is still there; false where it is not. */
  admitToFleet(token: string, change: FleetChange): Promise<boolean>;
  /** Lets flips begin again. */
  endJoining(token: string): Promise<void>;
  /** Keeps what a proxy told of itself. */
  rememberFacts(name: string, facts: ProxyFacts): Promise<void>;
}
