/** One thing that stands in the way of a move, or may. */
export interface Finding {
  readonly code: string;
  readonly severity: 'refuse' | 'warn';
  readonly message: string;
  readonly remedy: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}
