import { textOf } from '../docs/documents.ts';

/** One stage of the Dockerfile: what it starts from and its instructions, each on one line. */
export interface Stage {
  readonly from: string;
  readonly name: string;
  readonly instructions: readonly string[];
}

/** The stages of infra/container/Dockerfile, by name. */
export function stages(): ReadonlyMap<string, Stage> {
  const lines = textOf('infra/container/Dockerfile')
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.replace(/\s+/g, ' ').trim())
    .filter((line) => line !== '');
  const found = new Map<string, { from: string; name: string; instructions: string[] }>();
  let current: { from: string; name: string; instructions: string[] } | undefined;
  for (const line of lines) {
    const begun = /^FROM (\S+) AS (\S+)$/.exec(line);
    if (begun !== null) {
      current = { from: begun[1] ?? '', name: begun[2] ?? '', instructions: [] };
      found.set(current.name, current);
    } else if (current === undefined) throw new Error(`an instruction before the first stage: ${line}`);
    else current.instructions.push(line);
  }
  return found;
}

/** What a stage copies out of the project. */
export function copiedInto(stage: Stage): readonly string[] {
  return stage.instructions
    .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
    .flatMap((line) => line.split(' ').slice(1, -1));
}
