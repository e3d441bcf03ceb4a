/** Types of one family, the smaller before the larger: each holds whatever one before it holds. */
const families = [
  ['tinyint', 'smallint', 'mediumint', 'int', 'bigint'],
  ['tinyint unsigned', 'smallint unsigned', 'mediumint unsigned', 'int unsigned', 'bigint unsigned'],
  ['tinytext', 'text', 'mediumtext', 'longtext'],
  ['tinyblob', 'blob', 'mediumblob', 'longblob'],
] as const satisfies readonly (readonly string[])[];

/** Types whose figure in brackets is a length or a number of digits, where more holds whatever less does. */
const measured = /^(varchar|char|varbinary|time|datetime|timestamp|bit)(?:\((\d+)\))?$/;

/**
 * Whether a column of type `wide` keeps every value that one of type `narrow` can have. Only what is certain counts: of
 * two types that are not known to contain each other the answer is no. Both as `comparableType` gives them.
 */
export function holdsEverything(wide: string, narrow: string): boolean {
  if (wide === narrow) return true;
  const family = families.find((types: readonly string[]) => types.includes(wide)) as readonly string[] | undefined;
  if (family !== undefined) return family.includes(narrow) && family.indexOf(wide) >= family.indexOf(narrow);
  const [wideType, narrowType] = [measured.exec(wide), measured.exec(narrow)];
  if (wideType !== null && narrowType !== null && wideType[1] === narrowType[1]) {
    return Number(wideType[2] ?? 0) >= Number(narrowType[2] ?? 0);
  }
  const [wideMembers, narrowMembers] = [membersOf(wide), membersOf(narrow)];
  if (wideMembers === null || narrowMembers === null) return false;
  // A value is stored by its number: only members added behind the others change none.
  return narrowMembers.every((member, index) => wideMembers[index] === member);
}

/** Members of an ENUM, quoted as they stand; null for any other type. */
function membersOf(type: string): readonly string[] | null {
  return /^enum\(/.test(type) ? (type.match(/'(?:[^']|'')*'/g) ?? []) : null;
}
