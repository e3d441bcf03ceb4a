import type { ClientErrorSample } from './types.ts';

const KEPT_SAMPLES = 100;

/** The errors that clients got, counted all and sampled. */
export class ClientErrors {
  readonly #byOrg = new Map<number, number>();
  readonly #samples: ClientErrorSample[] = [];
  #count = 0;

  record(orgId: number, proxy: string, sql: string, error: unknown): void {
    this.#count += 1;
    this.#byOrg.set(orgId, (this.#byOrg.get(orgId) ?? 0) + 1);
    if (this.#samples.length >= KEPT_SAMPLES) return;
    const { code, errno, message } = error as { code?: string; errno?: number; message?: string };
    this.#samples.push({
      atMs: Date.now(),
      orgId,
      proxy,
      code: [code, errno].filter((part) => part !== undefined).join(' '),
      message: message ?? String(error),
      sql: sql.slice(0, 200),
    });
  }

  get count(): number {
    return this.#count;
  }

  countOf(orgId: number): number {
    return this.#byOrg.get(orgId) ?? 0;
  }

  get samples(): readonly ClientErrorSample[] {
    return this.#samples;
  }
}

// Of the server's own errors these leave open what became of the statement: shut down, connection killed, network
// broken in the middle of the answer, error while committing.
const AMBIGUOUS_SERVER_ERRORS = new Set([1053, 1158, 1159, 1160, 1161, 1180, 1927]);

/** False when the error proves that the statement had no effect. Lost connections and a proxy's own errors do not. */
export function isAmbiguous(error: unknown): boolean {
  const { errno, sqlState } = error as { errno?: number; sqlState?: string };
  if (errno === undefined || sqlState === undefined) return true;
  return (errno >= 2000 && errno < 3000) || errno >= 9000 || errno < 0 || AMBIGUOUS_SERVER_ERRORS.has(errno);
}
