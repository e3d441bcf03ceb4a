/** What a script learns from the exit code of every command. */
export const exitCodes = {
  ok: 0,
  /** The command was carried out and failed, or something unforeseen happened. */
  failed: 1,
  /** Wrong command line, wrong value, or a configuration that cannot be used. */
  usage: 2,
  /** Not allowed: in this state (409), with this token (401, 403), or by the policy. */
  notAllowed: 3,
  /** No such migration or org. */
  notFound: 4,
  /** The controller, or for `fence` and `catalog` a database, cannot be reached, or cannot answer now (503). */
  unreachable: 5,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
