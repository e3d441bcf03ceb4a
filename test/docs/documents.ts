import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectFolder = fileURLToPath(new URL('../../', import.meta.url));

/** Text of a file, by its path in the project. */
export function textOf(path: string): string {
  return readFileSync(join(projectFolder, path), 'utf8');
}

/** The documents for people, by their paths in the project. */
export function documents(): readonly string[] {
  const folders = ['.', 'statecharts'];
  return folders.flatMap((folder) =>
    readdirSync(join(projectFolder, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => (folder === '.' ? name : `${folder}/${name}`)),
  );
}

/** Every source file below a folder of the project. */
export function sourcesIn(folder: string): readonly { readonly path: string; readonly text: string }[] {
  return readdirSync(join(projectFolder, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|sh)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => ({ path: path.slice(projectFolder.length), text: readFileSync(path, 'utf8') }));
}

/** One heading with what stands below it, up to the next heading. */
export interface Section {
  readonly level: number;
  readonly title: string;
  /** Titles of the headings above it, outermost first. */
  readonly under: readonly string[];
  readonly text: string;
}

/** The sections of a document. What stands in a code block is no heading. */
export function sectionsOf(markdown: string): readonly Section[] {
  const found: { level: number; title: string; under: string[]; text: string }[] = [];
  const open: { level: number; title: string }[] = [];
  let inCode = false;
  for (const line of markdown.split('\n')) {
    if (line.startsWith('```')) inCode = !inCode;
    const heading = inCode ? null : /^(#+) +(.+)$/.exec(line);
    const last = found.at(-1);
    if (heading === null) {
      if (last !== undefined) last.text += `${line}\n`;
      continue;
    }
    const level = heading[1]?.length ?? 0;
    const title = heading[2] ?? '';
    while ((open.at(-1)?.level ?? 0) >= level) open.pop();
    found.push({ level, title, under: open.map((each) => each.title), text: '' });
    open.push({ level, title });
  }
  return found;
}

/** The names in backticks of a heading: a section may be about several. */
export function namesIn(title: string): readonly string[] {
  return [...title.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
}

/** What GitHub makes of a heading for links. */
export function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
}

/** Lines of the code blocks, and what stands in backticks. */
export function codeIn(markdown: string): readonly string[] {
  const blocks = [...markdown.matchAll(/^```\w*\n(.*?)^```/gms)].flatMap((match) => (match[1] ?? '').split('\n'));
  const rest = markdown.replace(/^```\w*\n.*?^```/gms, '');
  return [...blocks, ...[...rest.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? '')];
}
