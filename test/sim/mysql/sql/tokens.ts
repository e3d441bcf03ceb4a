import { UnsupportedSql } from './unsupported.ts';

/** `word` is an identifier or keyword as it was written; `name` stood in backticks. */
export interface Token {
  readonly kind: 'word' | 'name' | 'text' | 'bytes' | 'number' | 'operator' | 'parameter' | 'variable' | 'end';
  readonly text: string;
  /** Of a word: in upper case. */
  readonly upper: string;
  readonly at: number;
}

const SPACE = /(?:\s+|\/\*[\s\S]*?\*\/|--[ \t][^\n]*)+/y;
const RULES: readonly (readonly [Token['kind'], RegExp])[] = [
  ['bytes', /[xX]'((?:[0-9a-fA-F]{2})*)'/y],
  ['bytes', /[bB]'([01]*)'/y],
  ['number', /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y],
  ['word', /[A-Za-z_][A-Za-z0-9_$]*/y],
  ['name', /`((?:[^`]|``)*)`/y],
  ['text', /'((?:[^'\\]|''|\\[\s\S])*)'/y],
  ['text', /"((?:[^"\\]|""|\\[\s\S])*)"/y],
  ['variable', /@@?[A-Za-z_][A-Za-z0-9_$.]*/y],
  ['operator', /<=>|<>|!=|<=|>=|:=|&&|\|\||[-+*/%&|^~!=<>(),.;@]/y],
  ['parameter', /\?/y],
];

/** Takes SQL apart; throws `UnsupportedSql` where it finds nothing that it knows. */
export function tokenize(sql: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    SPACE.lastIndex = at;
    if (SPACE.test(sql)) at = SPACE.lastIndex;
    if (at >= sql.length) break;
    const token = next(sql, at);
    tokens.push(token.token);
    at = token.end;
  }
  tokens.push({ kind: 'end', text: '', upper: '', at });
  return tokens;
}

function next(sql: string, at: number): { token: Token; end: number } {
  for (const [kind, rule] of RULES) {
    rule.lastIndex = at;
    const match = rule.exec(sql);
    if (match === null) continue;
    const text = textOf(kind, match);
    const token = { kind, text, upper: kind === 'word' ? text.toUpperCase() : text, at };
    return { token, end: rule.lastIndex };
  }
  throw new UnsupportedSql(sql, `nothing known begins at ${JSON.stringify(sql.slice(at, at + 20))}`);
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '0': '\0', b: '\b', Z: '\x1a' };

function textOf(kind: Token['kind'], match: RegExpExecArray): string {
  const [whole, inner = ''] = match;
  if (kind === 'name') return inner.replaceAll('``', '`');
  if (kind === 'bytes') return whole.startsWith('b') || whole.startsWith('B') ? hexOfBits(inner) : inner;
  if (kind !== 'text') return whole;
  const quote = whole[0] ?? "'";
  return inner
    .replaceAll(quote + quote, quote)
    .replaceAll(/\\([\s\S])/g, (_, character: string) => ESCAPES[character] ?? character);
}

function hexOfBits(bits: string): string {
  const width = Math.ceil(bits.length / 8) * 2;
  return BigInt(`0b${bits || '0'}`)
    .toString(16)
    .padStart(width, '0');
}
