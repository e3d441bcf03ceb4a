/** A rule of the design as it can be watched from outside. */
export interface Rule {
  /** After each event. */
  look?(): void;
  /** When everything has come to rest. */
  atRest?(): void;
}

/** True at the first look, and whenever the number is another one than at the look before. */
export function changes(number: () => number): () => boolean {
  let before = Number.NaN;
  return () => {
    const now = number();
    const changed = now !== before;
    before = now;
    return changed;
  };
}
