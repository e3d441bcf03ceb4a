/** Where numbers come from that nobody can guess or has used before, so that a simulation can repeat them. */
export interface Ids {
  uuid(): string;
}
