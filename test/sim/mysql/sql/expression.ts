import type { Expression, When } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { select } from './select.ts';

const COMPARISONS: ReadonlySet<string> = new Set(['=', '<=>', '<>', '!=', '<', '<=', '>', '>=']);
const AGGREGATES: ReadonlySet<string> = new Set(['COUNT', 'SUM', 'MAX', 'MIN', 'BIT_XOR']);
/** Words that end an expression where an operand could stand. */
const RESERVED: ReadonlySet<string> = new Set(['FROM', 'WHERE', 'SELECT', 'THEN', 'END', 'ELSE', 'WHEN', 'AND', 'OR']);

/** Reads an expression: OR, AND, NOT, comparison, bits, sum, product, operand, from weak to strong. */
export function expression(cursor: Cursor): Expression {
  let left = conjunction(cursor);
  while (cursor.takes('OR') || cursor.takes('||')) left = binary('OR', left, conjunction(cursor));
  return left;
}

function conjunction(cursor: Cursor): Expression {
  let left = negation(cursor);
  while (cursor.takes('AND') || cursor.takes('&&')) left = binary('AND', left, negation(cursor));
  return left;
}

function negation(cursor: Cursor): Expression {
  if (cursor.takes('NOT')) return { kind: 'unary', operator: 'NOT', operand: negation(cursor) };
  return comparison(cursor);
}

function comparison(cursor: Cursor): Expression {
  let left = bits(cursor);
  for (;;) {
    const token = cursor.peek();
    if (token.kind === 'operator' && COMPARISONS.has(token.text)) {
      cursor.next();
      left = binary(token.text === '!=' ? '<>' : token.text, left, bits(cursor));
    } else if (cursor.takes('IS')) {
      const not = cursor.takes('NOT');
      cursor.expect('NULL');
      left = { kind: 'isNull', operand: left, not };
    } else {
      const not = cursor.sees('NOT');
      if (not && !cursor.sees('NOT', 'IN') && !cursor.sees('NOT', 'LIKE')) return left;
      if (not) cursor.next();
      const found = membership(cursor, left, not);
      if (found === null) return left;
      left = found;
    }
  }
}

function membership(cursor: Cursor, operand: Expression, not: boolean): Expression | null {
  if (cursor.takes('LIKE')) return { kind: 'like', operand, pattern: bits(cursor), not };
  if (cursor.takes('BETWEEN')) {
    const low = bits(cursor);
    cursor.expect('AND');
    return { kind: 'between', operand, low, high: bits(cursor) };
  }
  if (!cursor.takes('IN')) return null;
  cursor.expect('(');
  const found: Expression = cursor.sees('SELECT')
    ? { kind: 'inSelect', operand, select: select(cursor), not }
    : { kind: 'in', operand, list: cursor.list(() => expression(cursor)), not };
  cursor.expect(')');
  return found;
}

function bits(cursor: Cursor): Expression {
  let left = sum(cursor);
  for (;;) {
    if (cursor.takes('&')) left = binary('&', left, sum(cursor));
    else if (cursor.takes('|')) left = binary('|', left, sum(cursor));
    else return left;
  }
}

function sum(cursor: Cursor): Expression {
  let left = product(cursor);
  for (;;) {
    if (cursor.takes('+')) left = binary('+', left, product(cursor));
    else if (cursor.takes('-')) left = binary('-', left, product(cursor));
    else return left;
  }
}

function product(cursor: Cursor): Expression {
  let left = operand(cursor);
  for (;;) {
    if (cursor.takes('*')) left = binary('*', left, operand(cursor));
    else if (cursor.takes('/')) left = binary('/', left, operand(cursor));
    else if (cursor.takes('DIV')) left = binary('DIV', left, operand(cursor));
    else if (cursor.takes('%')) left = binary('%', left, operand(cursor));
    else return left;
  }
}

function operand(cursor: Cursor): Expression {
  const token = cursor.next();
  switch (token.kind) {
    case 'number':
      return { kind: 'literal', value: numberLiteral(token.text) };
    case 'text':
      return { kind: 'literal', value: token.text };
    case 'bytes':
      return { kind: 'literal', value: Buffer.from(token.text, 'hex') };
    case 'parameter':
      return { kind: 'parameter', index: cursor.parameter() };
    case 'variable':
      return variable(token.text);
    case 'name':
      return column(cursor, token.text);
    case 'word':
      if (RESERVED.has(token.upper)) throw cursor.unknown('an operand expected');
      return word(cursor, token.text, token.upper);
    case 'operator':
      if (token.text === '(') return parenthesized(cursor);
      if (token.text === '-' || token.text === '~')
        return { kind: 'unary', operator: token.text, operand: operand(cursor) };
      if (token.text === '!') return { kind: 'unary', operator: 'NOT', operand: operand(cursor) };
  }
  throw cursor.unknown('an operand expected');
}

function parenthesized(cursor: Cursor): Expression {
  const inner: Expression = cursor.sees('SELECT') ? { kind: 'subquery', select: select(cursor) } : expression(cursor);
  cursor.expect(')');
  return inner;
}

function word(cursor: Cursor, text: string, upper: string): Expression {
  // A character set's introducer: text is UTF-8 here, whatever it is called.
  if (upper === '_UTF8MB4') {
    const inner = operand(cursor);
    if (inner.kind !== 'literal' || inner.value === null) throw cursor.unknown('a literal expected');
    return { kind: 'literal', value: String(inner.value) };
  }
  switch (upper) {
    case 'NULL':
      return { kind: 'literal', value: null };
    case 'TRUE':
      return { kind: 'literal', value: 1 };
    case 'FALSE':
      return { kind: 'literal', value: 0 };
    case 'CASE':
      return cases(cursor);
    case 'INTERVAL': {
      const amount = expression(cursor);
      return { kind: 'interval', amount, unit: cursor.name().toUpperCase() };
    }
    case 'EXISTS': {
      cursor.expect('(');
      const inner = select(cursor);
      cursor.expect(')');
      return { kind: 'exists', select: inner };
    }
  }
  if (!cursor.sees('(')) return upper === 'CURRENT_TIMESTAMP' ? call('NOW', []) : column(cursor, text);
  cursor.next();
  if (AGGREGATES.has(upper)) return aggregate(cursor, upper);
  if (upper === 'CAST') return cast(cursor);
  if (upper === 'CONVERT') return convert(cursor);
  // The unit stands where an argument would.
  if (upper === 'TIMESTAMPDIFF') {
    const unit = cursor.name().toUpperCase();
    cursor.expect(',');
    return call(upper, [{ kind: 'literal', value: unit }, ...argumentsOf(cursor)]);
  }
  return call(upper, argumentsOf(cursor));
}

function argumentsOf(cursor: Cursor): readonly Expression[] {
  if (cursor.takes(')')) return [];
  const args = cursor.list(() => expression(cursor));
  cursor.expect(')');
  return args;
}

function aggregate(cursor: Cursor, name: string): Expression {
  const distinct = cursor.takes('DISTINCT');
  const arg = cursor.takes('*') ? null : expression(cursor);
  cursor.expect(')');
  return { kind: 'aggregate', name, arg, distinct };
}

function cast(cursor: Cursor): Expression {
  const inner = expression(cursor);
  cursor.expect('AS');
  const type = cursor.name().toUpperCase();
  const sizes = cursor.sees('(') ? cursor.inParentheses(() => cursor.number()) : [];
  cursor.expect(')');
  return { kind: 'cast', operand: inner, type, sizes };
}

function convert(cursor: Cursor): Expression {
  const inner = expression(cursor);
  cursor.expect('USING');
  cursor.name();
  cursor.expect(')');
  return { kind: 'cast', operand: inner, type: 'CHAR', sizes: [] };
}

function cases(cursor: Cursor): Expression {
  const tested = cursor.sees('WHEN') ? null : expression(cursor);
  const whens: When[] = [];
  while (cursor.takes('WHEN')) {
    const when = expression(cursor);
    cursor.expect('THEN');
    whens.push({ when, result: expression(cursor) });
  }
  const otherwise = cursor.takes('ELSE') ? expression(cursor) : null;
  cursor.expect('END');
  return { kind: 'case', operand: tested, whens, otherwise };
}

function column(cursor: Cursor, first: string): Expression {
  const names = [first];
  while (cursor.takes('.')) names.push(cursor.name());
  return { kind: 'column', table: names.at(-2) ?? null, name: names.at(-1) ?? first };
}

function variable(text: string): Expression {
  const match = /^@@(?:(GLOBAL|SESSION)\.)?(\w+)$/i.exec(text);
  if (match === null) return call('USER_VARIABLE', [{ kind: 'literal', value: text }]);
  const scope = match[1]?.toUpperCase() === 'GLOBAL' ? 'global' : 'session';
  return { kind: 'variable', scope, name: (match[2] ?? '').toLowerCase() };
}

function numberLiteral(text: string): number | bigint | string {
  // A decimal literal is exact; it is a double only with an exponent.
  if (/e/i.test(text)) return Number(text);
  if (text.includes('.')) return text;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

function call(name: string, args: readonly Expression[]): Expression {
  return { kind: 'call', name, args };
}

function binary(operator: string, left: Expression, right: Expression): Expression {
  return { kind: 'binary', operator, left, right };
}
