import type { AuditEntry, Freeze, KeptAnswer, RequestBegun } from '../../src/ports/operations.ts';
import type { Evacuation, OperationsService } from '../../src/service/operations.ts';
import type { Actor } from '../../src/service/status.ts';

/** Keeps freeze, audit log and answers in memory, as the store's tests say that the store does. */
export class FakeOperations implements OperationsService {
  readonly entries: { -readonly [K in keyof AuditEntry]: AuditEntry[K] }[] = [];
  readonly evacuated: string[] = [];
  /** Thrown by the next write of the audit log, then forgotten. */
  failure: unknown = null;
  #freeze: Freeze | null = null;
  readonly #requests = new Map<string, { fingerprint: string; answer: KeptAnswer | null }>();

  nowMs = (): number => Date.UTC(2026, 0, 2);

  async freezeStatus() {
    const freeze = this.#freeze;
    return freeze === null
      ? { frozen: false, by: null, reason: null, since: null }
      : { frozen: true, by: freeze.actor, reason: freeze.reason, since: freeze.since };
  }
  async freeze(reason: string, actor: Actor) {
    this.#freeze ??= { actor: actor.name, reason, since: new Date(this.nowMs()).toISOString() };
    return this.freezeStatus();
  }
  async unfreeze() {
    this.#freeze = null;
    return this.freezeStatus();
  }
  async evacuate(homeRegion: string): Promise<Evacuation> {
    this.evacuated.push(homeRegion);
    return { homeRegion, begun: [], refused: [] };
  }

  async auditCommand(command: Omit<AuditEntry, 'seq' | 'at' | 'outcome'>, atMs: number): Promise<number> {
    const { failure } = this;
    this.failure = null;
    if (failure !== null) throw failure;
    const seq = this.entries.length + 1;
    this.entries.push({ ...command, seq, at: new Date(atMs).toISOString(), outcome: null });
    return seq;
  }
  async auditOutcome(seq: number, outcome: { status: number; code: string | null }, atMs: number): Promise<void> {
    const entry = this.entries[seq - 1];
    if (entry === undefined) throw new Error(`there is no command ${seq}`);
    entry.outcome = { ...outcome, at: new Date(atMs).toISOString() };
  }
  async audit(after: number, limit: number) {
    return this.entries.filter(({ seq }) => seq > after).slice(0, limit);
  }

  async beginRequest(actor: string, key: string, fingerprint: string): Promise<RequestBegun> {
    const found = this.#requests.get(`${actor} ${key}`);
    if (found === undefined) {
      this.#requests.set(`${actor} ${key}`, { fingerprint, answer: null });
      return { found: 'nothing' };
    }
    if (found.fingerprint !== fingerprint) return { found: 'other' };
    return found.answer === null ? { found: 'unanswered' } : { found: 'answer', answer: found.answer };
  }
  async keepAnswer(actor: string, key: string, answer: KeptAnswer): Promise<void> {
    const found = this.#requests.get(`${actor} ${key}`);
    if (found !== undefined) found.answer = answer;
  }
  async forgetRequest(actor: string, key: string): Promise<void> {
    this.#requests.delete(`${actor} ${key}`);
  }
}
