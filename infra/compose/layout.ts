import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { HOME_REGIONS } from '../lab/bigdb/index.ts';

// What docker-compose.yml calls its services, and what they share in the folder of the volume `platform`.

export const [homeRegion = ''] = HOME_REGIONS;
export const databasePort = 3306;
export const proxyPort = 6033;
export const proxyAdminPort = 6032;
export const proxyAdminUser = 'cutover_admin';
export const dmsPort = 8091;
export const controllerPort = 8080;
export const controllers = ['controller-1', 'controller-2'] as const;
export const proxies = ['proxy-lon1', 'proxy-lon2'] as const;

/** Where each thing is in the shared folder. */
export class Layout {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** A file with one secret and nothing else. */
  secret = (name: string): string => join(this.folder, 'secrets', name);
  proxy = (name: string): string => join(this.folder, 'proxies', `${name}.cnf`);
  controller = (name: string): string => join(this.folder, 'controllers', `${name}.yaml`);

  /** What the workload needs to know; there once the platform is set up. */
  get platform(): string {
    return join(this.folder, 'platform.json');
  }
}

export const platformSchema = z.object({
  routing: z.enum(['user', 'schema', 'comment']),
  proxies: z.array(z.object({ name: z.string(), host: z.string(), port: z.number() })),
  orgs: z.array(z.object({ orgId: z.number(), user: z.string(), password: z.string(), database: z.string() })),
  /** Of the endpoint that every task reads the sites from: gone where DMS has been started anew. */
  endpointArn: z.string(),
});

export type PlatformFile = z.infer<typeof platformSchema>;

/** Writes a file that everybody with the volume may read, servers of several accounts, and nobody may change. */
export async function put(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await rm(file, { force: true });
  await writeFile(file, text, { mode: 0o444 });
}

export function password(): string {
  return randomBytes(18).toString('hex');
}

/** The shared folder that the command line names. */
export function layoutOf(argv: readonly string[]): Layout {
  const [, script = '', folder] = argv;
  if (folder === undefined) throw new TypeError(`usage: ${script} FOLDER`);
  return new Layout(folder);
}
