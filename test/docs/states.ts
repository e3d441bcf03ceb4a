import { stateName } from '../../src/driver/stateName.ts';
import { migrationMachine } from '../../statecharts/machine.ts';

type Node = typeof migrationMachine.root;

/** Every state in which a migration can be seen, as the status names it. */
export function statesOfTheMachine(): ReadonlySet<string> {
  const names = new Set<string>();
  visit(migrationMachine.root, []);
  return names;

  function visit(node: Node, path: readonly string[]): void {
    const children = Object.values(node.states) as Node[];
    if (children.length === 0) {
      if (!isPassing(node)) names.add(stateName(nested(path)));
      return;
    }
    for (const child of children) visit(child, [...path, child.key]);
  }
}

/** Left in the same step in which it is entered. */
function isPassing(node: Node): boolean {
  return (node.always ?? []).some((transition) => transition.guard === undefined);
}

/** `['flipping', 'undecided', 'hold']` as the machine's value. */
function nested([first = '', ...rest]: readonly string[]): unknown {
  return rest.length === 0 ? first : { [first]: nested(rest) };
}
