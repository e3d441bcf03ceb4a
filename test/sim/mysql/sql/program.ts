import type { Step } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { expression } from './expression.ts';

/** Reads the body of a trigger: `BEGIN … END`. */
export function program(cursor: Cursor): readonly Step[] {
  cursor.expect('BEGIN');
  const steps: Step[] = [];
  while (!cursor.takes('END')) {
    steps.push(step(cursor));
    cursor.expect(';');
  }
  return steps;
}

function step(cursor: Cursor): Step {
  if (cursor.sees('BEGIN')) return { kind: 'block', steps: program(cursor) };
  if (cursor.takes('DECLARE')) return declaration(cursor);
  if (cursor.takes('SET')) {
    const name = cursor.name();
    cursor.expect('=');
    return { kind: 'set', name, value: expression(cursor) };
  }
  if (cursor.takes('SIGNAL', 'SQLSTATE')) {
    const state = cursor.text();
    cursor.expect('SET', 'MESSAGE_TEXT', '=');
    return { kind: 'signal', state, message: expression(cursor) };
  }
  cursor.expect('IF');
  const condition = expression(cursor);
  cursor.expect('THEN');
  const steps: Step[] = [];
  const otherwise: Step[] = [];
  let branch = steps;
  while (!cursor.takes('END', 'IF')) {
    if (cursor.takes('ELSE')) branch = otherwise;
    branch.push(step(cursor));
    cursor.expect(';');
  }
  return { kind: 'if', condition, steps, otherwise };
}

function declaration(cursor: Cursor): Step {
  const name = cursor.name();
  cursor.name();
  if (cursor.sees('(')) cursor.inParentheses(() => cursor.number());
  if (cursor.takes('CHARACTER', 'SET')) cursor.name();
  if (cursor.takes('COLLATE')) cursor.name();
  return { kind: 'declare', name, value: cursor.takes('DEFAULT') ? expression(cursor) : null };
}
