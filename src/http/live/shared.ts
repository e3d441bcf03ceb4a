/** Remembers what was made of an object, or of a pair of them, for as long as they live: many watchers ask for the same. */
export function madeOnce<A extends object>(make: (a: A) => string): (a: A) => string {
  const made = new WeakMap<A, string>();
  return (a) => {
    const text = made.get(a) ?? make(a);
    made.set(a, text);
    return text;
  };
}

export function madeOnceOfTwo<A extends object, B extends object>(
  make: (a: A, b: B) => string,
): (a: A, b: B) => string {
  const made = new WeakMap<A, WeakMap<B, string>>();
  return (a, b) => {
    const ofA = made.get(a) ?? new WeakMap<B, string>();
    made.set(a, ofA);
    const text = ofA.get(b) ?? make(a, b);
    ofA.set(b, text);
    return text;
  };
}
