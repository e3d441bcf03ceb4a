/** A statement of the binary log that changes tables. */
export interface SourceDdl {
  readonly kind: 'dropped' | 'truncated' | 'altered';
  /** `schema.table` of each table it names. */
  readonly tables: readonly string[];
  readonly sql: string;
  /** The default schema it ran in. */
  readonly schema: string;
}

const NAME = '(?:`(?:[^`]|``)+`|[\\w$]+)';
const QUALIFIED = `${NAME}(?:\\s*\\.\\s*${NAME})?`;

const FORMS: readonly { kind: SourceDdl['kind']; pattern: RegExp }[] = [
  {
    kind: 'truncated',
    pattern: new RegExp(`^TRUNCATE\\s+(?:TABLE\\s+)?(${QUALIFIED})`, 'i'),
  },
  {
    kind: 'dropped',
    pattern: new RegExp(
      `^DROP\\s+(?:TEMPORARY\\s+)?TABLES?\\s+(?:IF\\s+EXISTS\\s+)?(${QUALIFIED}(?:\\s*,\\s*${QUALIFIED})*)`,
      'i',
    ),
  },
  {
    kind: 'altered',
    pattern: new RegExp(`^ALTER\\s+(?:ONLINE\\s+)?(?:IGNORE\\s+)?TABLE\\s+(?:IF\\s+EXISTS\\s+)?(${QUALIFIED})`, 'i'),
  },
  { kind: 'altered', pattern: new RegExp(`^RENAME\\s+TABLES?\\s+(?:IF\\s+EXISTS\\s+)?(${QUALIFIED})`, 'i') },
  {
    kind: 'altered',
    pattern: new RegExp(
      `^(?:CREATE\\s+(?:OR\\s+REPLACE\\s+)?(?:UNIQUE\\s+|FULLTEXT\\s+|SPATIAL\\s+)?|DROP\\s+)INDEX\\s[\\s\\S]*?\\sON\\s+(${QUALIFIED})`,
      'i',
    ),
  },
];

/** Comments in front of a statement, the versioned `/*!` ones not among them. */
const LEADING_COMMENTS = /^(?:\s+|--[^\n]*\n|#[^\n]*\n|\/\*(?!!)[\s\S]*?\*\/)+/;

/** Recognises what the service's DDL handling is about; null for any other statement. */
export function parseDdl(sql: string, schema: string): SourceDdl | null {
  const statement = sql.replace(LEADING_COMMENTS, '');
  for (const { kind, pattern } of FORMS) {
    const names = pattern.exec(statement)?.[1];
    if (names === undefined) continue;
    const tables = [...names.matchAll(new RegExp(QUALIFIED, 'g'))].map(([name]) => qualify(name, schema));
    return { kind, tables, sql, schema };
  }
  return null;
}

function qualify(name: string, schema: string): string {
  const parts = [...name.matchAll(new RegExp(NAME, 'g'))].map(([part]) =>
    part.startsWith('`') ? part.slice(1, -1).replaceAll('``', '`') : part,
  );
  return parts.length > 1 ? `${parts[0]}.${parts[1]}` : `${schema}.${parts[0]}`;
}
