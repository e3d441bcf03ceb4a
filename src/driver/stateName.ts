/** Groups of states that exist for the machine's sake: users know the step alone. */
const unnamed = new Set(['undecided', 'watching']);

/** `{flipping: {undecided: 'hold'}}` as `flipping.hold`. */
export function stateName(value: unknown): string {
  const parts: string[] = [];
  for (let rest: unknown = value; rest !== undefined; ) {
    if (typeof rest === 'string') {
      parts.push(rest);
      break;
    }
    const [key, inner] = Object.entries(rest as Record<string, unknown>)[0] ?? [];
    if (key === undefined) break;
    parts.push(key);
    rest = inner;
  }
  return parts.filter((part) => !unnamed.has(part)).join('.');
}
