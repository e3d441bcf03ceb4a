/** While it stands no migration starts and no flip forward begins, anywhere; guards and ways back go on. */
export interface Freeze {
  readonly actor: string;
  readonly reason: string;
  readonly since: string;
}

/** One command that somebody gave: who, from where, what, why. */
export interface AuditedCommand {
  readonly actor: string;
  readonly role: string;
  readonly from: string;
  /** `POST /v1/migrations/:id/approve` */
  readonly action: string;
  /** What it was given to: an org, a migration, a proxy; empty where the action says it all. */
  readonly target: string;
  /** The request's body, as it was understood. */
  readonly input: unknown;
  readonly requestId: string;
}

/** How a command was answered. */
export interface AuditedOutcome {
  /** HTTP status. */
  readonly status: number;
  /** Code of the problem; null where the command was carried out. */
  readonly code: string | null;
}

/** One line of the audit log. Without an outcome the controller ended before it had answered. */
export interface AuditEntry extends AuditedCommand {
  readonly seq: number;
  readonly at: string;
  readonly outcome: (AuditedOutcome & { readonly at: string }) | null;
}

/** An answer that was given, kept for who asks again with the same key. */
export interface KeptAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a request with a key finds. */
export type RequestBegun =
  | { readonly found: 'nothing' }
  | { readonly found: 'answer'; readonly answer: KeptAnswer }
  /** The same key was used for another request. */
  | { readonly found: 'other' }
  /** The first one has not been answered yet. */
  | { readonly found: 'unanswered' };

/** What the store keeps beside migrations. Throws `StoreUnavailableError` where it does not answer. */
export interface OperationsStore {
  frozen(): Promise<Freeze | null>;
  /** Freezes; one that stands already is left as it is. */
  freeze(actor: string, reason: string, atMs: number): Promise<Freeze>;
  unfreeze(): Promise<void>;

  /** Appends a command before it is carried out; answers with its number. */
  auditCommand(command: AuditedCommand, atMs: number): Promise<number>;
  /** Appends how it was answered. */
  auditOutcome(seq: number, outcome: AuditedOutcome, atMs: number): Promise<void>;
  /** Commands behind `after`, in order. */
  audit(after: number, limit: number): Promise<readonly AuditEntry[]>;

  /** Begins a request under its key, or finds what became of the one before. Keys are kept for a day. */
  beginRequest(actor: string, key: string, fingerprint: string): Promise<RequestBegun>;
  keepAnswer(actor: string, key: string, answer: KeptAnswer): Promise<void>;
  /** Forgets a request that may be sent again: it failed in a way that may pass. */
  forgetRequest(actor: string, key: string): Promise<void>;
}
