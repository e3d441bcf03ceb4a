import { problemStatus } from '../../src/errors/httpStatus.ts';
import { sourcesIn } from './documents.ts';

const literalPattern = /'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)'/g;
const snakePattern = /'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)'/g;

/**
 * Every code that the controller and its command line can show, from their sources: whatever is assigned to a `code`,
 * every literal of that shape in the files that make findings, and the codes that the API has a status for.
 */
export function codesOfTheSource(): ReadonlySet<string> {
  const codes = new Set(Object.keys(problemStatus));
  for (const { path, text } of [...sourcesIn('src'), ...sourcesIn('statecharts')]) {
    for (const [, assigned = ''] of text.matchAll(/\bcode\??\s*[:=](?!=)([^;,{}()]*)/g))
      add(codes, assigned, literalPattern);
    if (/preflight|findings/.test(path)) add(codes, text, snakePattern);
  }
  return codes;
}

function add(codes: Set<string>, text: string, pattern: RegExp): void {
  for (const [, code] of text.matchAll(pattern)) if (code !== undefined) codes.add(code);
}
