/** What a configuration file says. Only what starts an instance: tables are filled through the admin port. */
export interface ConfigFile {
  readonly dataDir: string | undefined;
  /** Names with their prefix, `mysql-` or `admin-`. */
  readonly variables: ReadonlyMap<string, string>;
}

/** A configuration file that cannot be read as one. */
export class ConfigFileError extends Error {
  override readonly name = 'ConfigFileError';
  readonly code = 'PROXY_CONFIG_FILE';
}

/**
 * Reads the part of libconfig's language that is needed: `name=value` or `name:value`, with or without a semicolon,
 * and groups in braces.
 */
export function parseConfigFile(text: string): ConfigFile {
  const source = text.replace(/^\s*(?:#|\/\/).*$/gm, '').replace(/\/\*.*?\*\//gs, '');
  const variables = new Map<string, string>();
  let dataDir: string | undefined;
  const scanner = /\s*(?:([\w-]+)\s*[=:]\s*(?:\{([^{}]*)\}|\(([^()]*)\)|([^;\n{}(]+))\s*;?|(\S))/gy;
  while (scanner.lastIndex < source.trimEnd().length) {
    const at = scanner.lastIndex;
    const match = scanner.exec(source);
    if (match === null || match[5] !== undefined) {
      throw new ConfigFileError(`cannot read the configuration at: ${source.slice(at, at + 40).trim()}`);
    }
    const [, name = '', group, , scalar] = match;
    if (group !== undefined && (name === 'admin_variables' || name === 'mysql_variables')) {
      const prefix = name === 'admin_variables' ? 'admin-' : 'mysql-';
      for (const [key, value] of assignments(group)) variables.set(prefix + key, value);
    } else if (name === 'datadir' && scalar !== undefined) {
      dataDir = unquoted(scalar);
    }
  }
  return { dataDir, variables };
}

function* assignments(group: string): Generator<readonly [string, string]> {
  for (const match of group.matchAll(/([\w-]+)\s*[=:]\s*("(?:[^"\\]|\\.)*"|[^;\s]+)/g)) {
    yield [match[1] as string, unquoted(match[2] as string)];
  }
}

function unquoted(value: string): string {
  const text = value.trim();
  return text.startsWith('"') ? (JSON.parse(text) as string) : text;
}
