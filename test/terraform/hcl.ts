import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from '../docs/documents.ts';

export const terraformFolder = join(projectFolder, 'infra/terraform');

/** Every Terraform file, with its path below infra/terraform. */
export function terraformFiles(): readonly { readonly path: string; readonly text: string }[] {
  return readdirSync(terraformFolder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.tf'))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(terraformFolder, path), 'utf8') }));
}

/** Text of all files of a module. */
export function moduleText(name: string): string {
  return terraformFiles()
    .filter(({ path }) => path.startsWith(`modules/${name}/`))
    .map(({ text }) => text)
    .join('\n');
}

/** What stands between the braces of the first block that `opening` begins. */
export function blockOf(text: string, opening: string): string {
  const from = text.indexOf(opening);
  if (from < 0) throw new Error(`there is no ${opening}`);
  let depth = 0;
  for (let at = text.indexOf('{', from); at < text.length; at++) {
    if (text[at] === '{') depth++;
    else if (text[at] === '}' && --depth === 0) return text.slice(text.indexOf('{', from) + 1, at);
  }
  throw new Error(`${opening} does not end`);
}
