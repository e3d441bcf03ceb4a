import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Document, isMap, isNode, LineCounter, parseDocument } from 'yaml';
import { messageOf } from '../errors/base.ts';
import { type ConfigFault, ConfigInvalidError } from '../errors/config.ts';
import { faultsOfIssue, pathText } from './faults.ts';
import { type Path, rules } from './rules.ts';
import { type Config, configSchema } from './schema.ts';

/**
 * Reads and checks the configuration. Throws one `ConfigInvalidError` with every fault: syntax with its position,
 * unknown keys, wrong values, secrets that are not there, and values that contradict each other.
 * @param env where `{ env: NAME }` references are looked up, usually `process.env`
 */
export function loadConfig(path: string, env: Readonly<Record<string, string | undefined>>): Config {
  return parseConfig(textAt(path), { file: path, folder: dirname(path), env });
}

function textAt(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const cause = `the file cannot be read: ${messageOf(error)}`;
    throw new ConfigInvalidError(path, [{ path: '', position: null, cause, remedy: 'Give the path of a YAML file.' }], {
      cause: error,
    });
  }
}

/** `loadConfig` for who is about to make the catalogue: one that has none yet will do. */
export function loadConfigForDiscovery(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
): { readonly config: Config; readonly catalogued: boolean } {
  const text = textAt(path);
  const from = { file: path, folder: dirname(path), env };
  const document = parseDocument(text);
  const without = document.errors.length === 0 && isMap(document.contents) && !document.has('catalogue');
  if (!without) return { config: parseConfig(text, from), catalogued: true };
  // Only the shape of a catalogue: nothing is looked for under these names.
  document.set('catalogue', { tables: [{ schema: 'x', table: 'x', orgColumn: 'x' }] });
  return { config: parseConfig(String(document), from), catalogued: false };
}

/** `loadConfig` for a text: `file` names it in errors, files in it are relative to `folder`. */
export function parseConfig(
  text: string,
  from: { file: string; folder: string; env: Readonly<Record<string, string | undefined>> },
): Config {
  const lines = new LineCounter();
  // Unknown tags are only warnings to the parser; here they are faults.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const syntax = [...document.errors, ...document.warnings];
  if (syntax.length > 0) {
    throw new ConfigInvalidError(
      from.file,
      syntax.map((fault) => ({
        path: '',
        position: positionAt(lines, fault.pos[0]),
        cause: fault.message,
        remedy: 'Mend the YAML there.',
      })),
    );
  }
  const raw: unknown = document.toJS();
  const faults: ConfigFault[] = [];
  const report = (path: Path, cause: string, remedy: string) => {
    faults.push({ path: pathText(path), position: positionOf(document, lines, path), cause, remedy });
  };

  const parsed = configSchema(from).safeParse(raw);
  for (const issue of parsed.error?.issues ?? []) {
    for (const fault of faultsOfIssue(issue, raw)) report(fault.path, fault.cause, fault.remedy);
  }
  for (const rule of rules) rule(raw, report);
  if (!parsed.success || faults.length > 0) throw new ConfigInvalidError(from.file, faults);
  return parsed.data;
}

/** Position of the value, or of the nearest thing around it that is there. */
function positionOf(document: Document.Parsed, lines: LineCounter, path: Path): string | null {
  for (let length = path.length; length >= 0; length--) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return positionAt(lines, node.range[0]);
  }
  return null;
}

function positionAt(lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${line}:${col}`;
}
