/** A rule of the design as it can be watched from outside. */
export interface Rule {
  /** After each event. */
  look?(): void;
  /** When everything has come to rest. */
  atRest?(): void;
}
