/** One thing that stands in the way of a move, or may: found by looking, never by changing. */
export interface Finding {
  /** Stable; the runbook has a section for each. */
  readonly code: string;
  readonly severity: 'refuse' | 'warn';
  readonly message: string;
  readonly remedy: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}
