import type { CreateTrigger, Step } from '../sql/ast.ts';
import { textOf, truth, type Value } from '../sql/value.ts';
import { sqlErrors } from '../sqlError.ts';
import type { Table } from '../storage/table.ts';
import type { Environment, Reader, Scope } from './environment.ts';
import { NO_SCOPE } from './environment.ts';
import type { Compiler } from './select.ts';

/** A trigger ready to run for a row. */
export type Trigger = (reader: Reader, before: readonly Value[] | null, after: readonly Value[] | null) => void;

type Run = (environment: Environment) => void;

/** Makes a trigger's body ready. */
export function compileTrigger({ body }: CreateTrigger, table: Table, compiler: Compiler): Trigger {
  const columns = table.columns.map(({ name }) => name.toLowerCase());
  const locals = new Set(declared(body));
  const scope: Scope = {
    sources: [
      { alias: 'OLD', columns },
      { alias: 'NEW', columns },
    ],
    outer: NO_SCOPE,
    locals,
  };
  const run = compileSteps(body, scope, compiler);
  return (reader, before, after) => {
    const outer: Environment = { reader, parameters: [], outer: null, cells: [], group: null, locals: null };
    const cells = [before, after].map((values) => ({ values, row: null }));
    run({ ...outer, outer, cells, locals: new Map() });
  };
}

function declared(steps: readonly Step[]): readonly string[] {
  return steps.flatMap((step) => {
    if (step.kind === 'declare') return [step.name.toLowerCase()];
    if (step.kind === 'block') return declared(step.steps);
    return step.kind === 'if' ? declared([...step.steps, ...step.otherwise]) : [];
  });
}

function compileSteps(steps: readonly Step[], scope: Scope, compiler: Compiler): Run {
  const runs = steps.map((step) => compileStep(step, scope, compiler));
  return (environment) => {
    for (const run of runs) run(environment);
  };
}

function compileStep(step: Step, scope: Scope, compiler: Compiler): Run {
  switch (step.kind) {
    case 'declare':
    case 'set': {
      const name = step.name.toLowerCase();
      const value = step.value === null ? () => null : compiler.expression(step.value, scope);
      return (environment) => {
        environment.locals?.set(name, value(environment));
      };
    }
    case 'block':
      return compileSteps(step.steps, scope, compiler);
    case 'if': {
      const condition = compiler.expression(step.condition, scope);
      const met = compileSteps(step.steps, scope, compiler);
      const otherwise = compileSteps(step.otherwise, scope, compiler);
      return (environment) => (truth(condition(environment)) === true ? met : otherwise)(environment);
    }
    case 'signal': {
      const message = compiler.expression(step.message, scope);
      return (environment) => {
        throw sqlErrors.signal(step.state, textOf(message(environment) ?? ''));
      };
    }
  }
}
