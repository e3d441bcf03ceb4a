import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { controllerPort } from './layout.ts';

const reference = z.strictObject({ env: z.string() });
const reached = z.looseObject({ host: z.string() });
const document = z.looseObject({
  controller: z.looseObject({ http: reached }),
  store: reached,
  coredb: reached,
  sites: z.array(reached),
  clusters: z.array(reached),
  proxies: z.array(reached),
});

/**
 * A controller's configuration for a network of its own: what is reached there is not encrypted, and secrets come from
 * files.
 *
 * @param fileOf the file of the secret with this name
 */
export function controllerFile(text: string, fileOf: (secret: string) => string): string {
  const found = document.parse(fromFiles(parse(text), fileOf));
  const plain = <T extends object>(server: T) => ({ ...server, tls: false });
  return stringify({
    ...found,
    controller: { ...found.controller, http: plain({ host: '0.0.0.0', port: controllerPort }) },
    store: plain(found.store),
    coredb: plain(found.coredb),
    sites: found.sites.map(plain),
    clusters: found.clusters.map(plain),
    proxies: found.proxies.map(plain),
  });
}

/** The same with every `{ env: NAME }` as `{ file: PATH }`. */
function fromFiles(value: unknown, fileOf: (secret: string) => string): unknown {
  const secret = reference.safeParse(value);
  if (secret.success) return { file: fileOf(secret.data.env) };
  if (Array.isArray(value)) return value.map((each) => fromFiles(each, fileOf));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fromFiles(each, fileOf)]));
}
