import type { Expression } from '../sql/ast.ts';
import { UnsupportedSql } from '../sql/unsupported.ts';
import { bytesOf, compare, fromTruth, numberOf, textOf, truth, type Value } from '../sql/value.ts';
import { sqlErrors } from '../sqlError.ts';
import { aggregate } from './aggregate.ts';
import type { Environment, Evaluate, Scope } from './environment.ts';
import { FUNCTIONS } from './functions.ts';
import type { Compiler } from './select.ts';
import { microsecondsOf, timeText, unitOf } from './time.ts';

/** Makes an expression ready to be evaluated where `scope` says what its names mean. */
export function compileExpression(expression: Expression, scope: Scope, compiler: Compiler): Evaluate {
  const sub = (inner: Expression) => compileExpression(inner, scope, compiler);
  switch (expression.kind) {
    case 'literal': {
      const { value } = expression;
      return () => value;
    }
    case 'parameter': {
      const { index } = expression;
      return ({ parameters }) => parameterValue(parameters[index]);
    }
    case 'column':
      return column(expression.table, expression.name, scope);
    case 'variable': {
      const { name, scope: of } = expression;
      return ({ reader }) => reader.variable(of, name);
    }
    case 'unary':
      return unary(expression.operator, sub(expression.operand));
    case 'binary':
      if (expression.right.kind === 'interval') {
        const { amount, unit } = expression.right;
        return shifted(sub(expression.left), sub(amount), unit, expression.operator === '-' ? -1 : 1);
      }
      return binary(expression.operator, sub(expression.left), sub(expression.right));
    case 'in':
      return membership(sub(expression.operand), expression.list, sub, expression.not);
    case 'inSelect': {
      const operand = sub(expression.operand);
      const rows = compiler.select(expression.select, scope);
      const { not } = expression;
      return (environment) =>
        isIn(
          operand(environment),
          rows.run(environment).map((row) => row[0] ?? null),
          not,
        );
    }
    case 'like': {
      const [operand, pattern] = [sub(expression.operand), sub(expression.pattern)];
      const { not } = expression;
      return (environment) => like(operand(environment), pattern(environment), not);
    }
    case 'between': {
      const [operand, low, high] = [sub(expression.operand), sub(expression.low), sub(expression.high)];
      return (environment) => {
        const value = operand(environment);
        const [above, below] = [compare(value, low(environment)), compare(value, high(environment))];
        return above === null || below === null ? null : fromTruth(above >= 0 && below <= 0);
      };
    }
    case 'isNull': {
      const operand = sub(expression.operand);
      const { not } = expression;
      return (environment) => fromTruth((operand(environment) === null) !== not);
    }
    case 'case':
      return cases(expression, sub);
    case 'call':
      return call(expression.name, expression.args.map(sub));
    case 'aggregate':
      return aggregate(expression, expression.arg === null ? null : sub(expression.arg));
    case 'cast':
      return cast(sub(expression.operand), expression.type, expression.sizes);
    case 'exists': {
      const rows = compiler.select(expression.select, scope);
      return (environment) => fromTruth(rows.run(environment, 1).length > 0);
    }
    case 'subquery': {
      const rows = compiler.select(expression.select, scope);
      return (environment) => {
        const found = rows.run(environment);
        if (found.length > 1) throw sqlErrors.tooManyRows();
        return found[0]?.[0] ?? null;
      };
    }
    case 'interval':
      throw new UnsupportedSql(expression.unit, 'an interval stands behind + or - only');
  }
}

function column(table: string | null, name: string, scope: Scope): Evaluate {
  const wanted = name.toLowerCase();
  let depth = 0;
  for (let at: Scope | null = scope; at !== null; at = at.outer, depth += 1) {
    for (const [source, { alias, columns }] of at.sources.entries()) {
      if (table !== null && alias.toLowerCase() !== table.toLowerCase()) continue;
      const index = columns.indexOf(wanted);
      if (index >= 0) return cellAt(depth, source, index);
    }
    if (table === null && at.locals.has(wanted)) return localAt(depth, wanted);
  }
  throw sqlErrors.noColumn(table === null ? name : `${table}.${name}`);
}

function cellAt(depth: number, source: number, index: number): Evaluate {
  if (depth === 0) return ({ cells }) => cells[source]?.values?.[index] ?? null;
  return (environment) => outerBy(environment, depth).cells[source]?.values?.[index] ?? null;
}

function localAt(depth: number, name: string): Evaluate {
  return (environment) => outerBy(environment, depth).locals?.get(name) ?? null;
}

function outerBy(environment: Environment, depth: number): Environment {
  let at = environment;
  for (let step = 0; step < depth; step += 1) {
    if (at.outer === null) throw new Error('a name was looked up further out than there is anything');
    at = at.outer;
  }
  return at;
}

/** A value of the application as SQL has it. */
export function parameterValue(value: unknown): Value {
  if (value === undefined) throw new UnsupportedSql('?', 'a parameter is missing');
  if (value === null || typeof value === 'number' || typeof value === 'string' || typeof value === 'bigint')
    return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (Buffer.isBuffer(value)) return value;
  throw new UnsupportedSql('?', `a parameter of type ${typeof value}`);
}

function unary(operator: '-' | 'NOT' | '~', operand: Evaluate): Evaluate {
  return (environment) => {
    const value = operand(environment);
    if (value === null) return null;
    if (operator === 'NOT') return fromTruth(!truth(value));
    if (operator === '~') return BigInt.asUintN(64, ~BigInt(numberOf(value)));
    return typeof value === 'bigint' ? -value : -numberOf(value);
  };
}

function binary(operator: string, left: Evaluate, right: Evaluate): Evaluate {
  switch (operator) {
    case 'AND':
      return (environment) => {
        const a = truth(left(environment));
        if (a === false) return 0;
        const b = truth(right(environment));
        return b === false ? 0 : a === null || b === null ? null : 1;
      };
    case 'OR':
      return (environment) => {
        const a = truth(left(environment));
        if (a === true) return 1;
        const b = truth(right(environment));
        return b === true ? 1 : a === null || b === null ? null : 0;
      };
    case '<=>':
      return (environment) => {
        const [a, b] = [left(environment), right(environment)];
        return fromTruth(a === null || b === null ? a === b : compare(a, b) === 0);
      };
  }
  const comparison = COMPARISONS[operator];
  if (comparison !== undefined) {
    return (environment) => {
      const found = compare(left(environment), right(environment));
      return found === null ? null : fromTruth(comparison(found));
    };
  }
  const arithmetic = ARITHMETIC[operator];
  if (arithmetic === undefined) throw new UnsupportedSql(operator, 'an operator');
  return (environment) => {
    const [a, b] = [left(environment), right(environment)];
    return a === null || b === null ? null : arithmetic(numeric(a), numeric(b));
  };
}

const COMPARISONS: Readonly<Record<string, (found: number) => boolean>> = {
  '=': (found) => found === 0,
  '<>': (found) => found !== 0,
  '<': (found) => found < 0,
  '<=': (found) => found <= 0,
  '>': (found) => found > 0,
  '>=': (found) => found >= 0,
};

type Whole = number | bigint;

const ARITHMETIC: Readonly<Record<string, (a: Whole, b: Whole) => Value>> = {
  '+': (a, b) =>
    exactly(
      a,
      b,
      (x, y) => x + y,
      (x, y) => x + y,
    ),
  '-': (a, b) =>
    exactly(
      a,
      b,
      (x, y) => x - y,
      (x, y) => x - y,
    ),
  '*': (a, b) =>
    exactly(
      a,
      b,
      (x, y) => x * y,
      (x, y) => x * y,
    ),
  '/': (a, b) => (Number(b) === 0 ? null : Number(a) / Number(b)),
  DIV: (a, b) => (Number(b) === 0 ? null : Math.trunc(Number(a) / Number(b))),
  '%': (a, b) => (Number(b) === 0 ? null : Number(a) % Number(b)),
  '&': (a, b) => Number(BigInt(a) & BigInt(b)),
  '|': (a, b) => Number(BigInt(a) | BigInt(b)),
};

/** In doubles while they are exact, else in whole numbers of any size. */
function exactly(
  a: Whole,
  b: Whole,
  small: (x: number, y: number) => number,
  large: (x: bigint, y: bigint) => bigint,
): Value {
  const rounded = small(Number(a), Number(b));
  const whole = (value: Whole) => typeof value === 'bigint' || Number.isInteger(value);
  if (Number.isSafeInteger(rounded) || !whole(a) || !whole(b)) return rounded;
  return large(BigInt(a), BigInt(b));
}

function numeric(value: Exclude<Value, null>): number | bigint {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  const text = textOf(value);
  if (/^-?\d+$/.test(text)) return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);
  return numberOf(value);
}

function membership(
  operand: Evaluate,
  list: readonly Expression[],
  sub: (inner: Expression) => Evaluate,
  not: boolean,
): Evaluate {
  // `IN (?)` with a list for its one parameter is written out by the driver.
  const [only] = list;
  if (list.length === 1 && only?.kind === 'parameter') {
    return (environment) => {
      const given = environment.parameters[only.index];
      return isIn(operand(environment), (Array.isArray(given) ? given : [given]).map(parameterValue), not);
    };
  }
  const members = list.map(sub);
  return (environment) =>
    isIn(
      operand(environment),
      members.map((member) => member(environment)),
      not,
    );
}

function isIn(value: Value, list: readonly Value[], not: boolean): Value {
  if (value === null) return null;
  let unknown = false;
  for (const member of list) {
    const found = compare(value, member);
    if (found === 0) return fromTruth(!not);
    if (found === null) unknown = true;
  }
  return unknown ? null : fromTruth(not);
}

function like(value: Value, pattern: Value, not: boolean): Value {
  if (value === null || pattern === null) return null;
  const source = textOf(pattern).replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const expression = new RegExp(`^${source.replaceAll('%', '[\\s\\S]*').replaceAll('_', '[\\s\\S]')}$`);
  return fromTruth(expression.test(textOf(value)) !== not);
}

function cases(expression: Extract<Expression, { kind: 'case' }>, sub: (inner: Expression) => Evaluate): Evaluate {
  const operand = expression.operand === null ? null : sub(expression.operand);
  const whens = expression.whens.map(({ when, result }) => ({ when: sub(when), result: sub(result) }));
  const otherwise = expression.otherwise === null ? null : sub(expression.otherwise);
  return (environment) => {
    const tested = operand?.(environment) ?? null;
    for (const { when, result } of whens) {
      const value = when(environment);
      if (operand === null ? truth(value) === true : compare(tested, value) === 0) return result(environment);
    }
    return otherwise?.(environment) ?? null;
  };
}

function call(name: string, args: readonly Evaluate[]): Evaluate {
  const own = FUNCTIONS[name];
  if (own !== undefined) return (environment) => own(...args.map((arg) => arg(environment)));
  return (environment) =>
    environment.reader.call(
      name,
      args.map((arg) => arg(environment)),
    );
}

function cast(operand: Evaluate, type: string, sizes: readonly number[]): Evaluate {
  return (environment) => {
    const value = operand(environment);
    if (value === null) return null;
    if (type === 'CHAR') return textOf(value);
    if (type === 'BINARY') return bytesOf(value);
    if (type === 'SIGNED' || type === 'UNSIGNED') return numeric(value);
    if (type === 'DECIMAL') return numberOf(value).toFixed(sizes[1] ?? 0);
    throw new UnsupportedSql(type, 'a type to cast to');
  };
}

/** `time + INTERVAL n UNIT` and its like. */
function shifted(time: Evaluate, amount: Evaluate, unit: string, sign: 1 | -1): Evaluate {
  const unitMicroseconds = unitOf(unit);
  return (environment) => {
    const [from, by] = [time(environment), amount(environment)];
    if (from === null || by === null) return null;
    return timeText(microsecondsOf(textOf(from)) + sign * numberOf(by) * unitMicroseconds, 6);
  };
}
