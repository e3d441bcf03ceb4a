import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { anchorOf, documents, projectFolder, sectionsOf, textOf } from './documents.ts';

/** Targets of the links that stay in the project. */
function linksIn(markdown: string): readonly string[] {
  const prose = markdown.replace(/^```\w*\n.*?^```/gms, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1] ?? '')
    .filter((target) => !/^[a-z]+:/.test(target));
}

test.each(documents())('the relative links of %s resolve', (document) => {
  const broken = linksIn(textOf(document)).filter((target) => {
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? document : join(dirname(document), path);
    if (!existsSync(join(projectFolder, file))) return true;
    if (anchor === undefined) return false;
    return !sectionsOf(textOf(file)).some(({ title }) => anchorOf(title) === anchor);
  });
  expect(broken).toEqual([]);
});
