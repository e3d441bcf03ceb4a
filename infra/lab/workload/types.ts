/** Where clients connect: a proxy, or in tests a server itself. */
export interface WorkloadProxy {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** One org's clients. */
export interface WorkloadOrg {
  readonly orgId: number;
  readonly user: string;
  readonly password: string;
  /** Default schema of the connections. */
  readonly database: string;
}

/** How the proxies tell orgs apart. By comment, every statement begins with an annotation that names the org. */
export type WorkloadRouting = 'user' | 'schema' | 'comment';

export interface WorkloadOptions {
  readonly proxies: readonly WorkloadProxy[];
  readonly orgs: readonly WorkloadOrg[];
  readonly routing: WorkloadRouting;
  /** Row writes per second and org, at most; the jobs' come on top. Default 60. */
  readonly ratePerOrg?: number;
  /** Reads per second and org, at most. Default 20. */
  readonly readsPerOrg?: number;
  /** Writing connections of each org at each proxy. Default 1. */
  readonly writersPerProxy?: number;
  /** Reading connections of each org at each proxy. Default 1. */
  readonly readersPerProxy?: number;
  /** So many CDR workers and retention jobs at each proxy, each with a connection per org. Default 1. */
  readonly jobInstancesPerProxy?: number;
  /** Clients of these orgs leave out the annotation of this share (0 to 1) of their BEGINs. By comment only. */
  readonly forgetBeginAnnotation?: { readonly orgIds: readonly number[]; readonly share: number };
}

/** An account that may read all of BigDB at one server. */
export interface SideConnection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/** From when to when (epoch milliseconds) which servers served an org's writes. */
export interface ServedInterval {
  readonly orgId: number;
  /** Server ids; the sites serve together. */
  readonly sides: readonly number[];
  readonly fromMs: number;
  /** Infinity while it still serves. */
  readonly toMs: number;
}

/** Something the check found. */
export interface WorkloadFinding {
  readonly kind: 'lost' | 'duplicated' | 'mismatched' | 'wrongSide';
  readonly orgId: number;
  readonly table: string;
  readonly key: string;
  readonly detail: string;
}

/** What became of the acknowledged writes. */
export interface WorkloadCheck {
  readonly writesAcknowledged: number;
  readonly writesStored: number;
  /** Acknowledged writes whose effect is not on the side that serves the org: inserts, updates and deletes. */
  readonly lost: number;
  /** Writes that took effect more than once. */
  readonly duplicated: number;
  /** Rows that hold the right write and the wrong content, or a write nobody made. */
  readonly mismatchedRows: number;
  /** Acknowledged writes taken by a side that did not serve the org at any moment between sending and acknowledgement. */
  readonly wrongSideWrites: number;
  /** Writes for which the side could be told: the last one of each row that is still there. */
  readonly attributedWrites: number;
  /** Writes that ended in an error which does not say whether they took effect; either is accepted. */
  readonly ambiguousWrites: number;
  readonly rowsChecked: number;
  /** At most 50. */
  readonly findings: readonly WorkloadFinding[];
}

/** An error that a client got. */
export interface ClientErrorSample {
  readonly atMs: number;
  readonly orgId: number;
  readonly proxy: string;
  readonly code: string;
  readonly message: string;
  readonly sql: string;
}
