// Where the lab's servers come from: this machine, or images that the environment names.

import { containersOf } from './container.ts';
import type { Machine } from './program.ts';
import { thisMachine } from './thisMachine.ts';

export type { Machine, Program } from './program.ts';
export { thisMachine } from './thisMachine.ts';

/** Variables that name an image each. */
export const imageVariables = {
  mariadb: 'BIGDB_CUTOVER_MARIADB_IMAGE',
  cluster: 'BIGDB_CUTOVER_CLUSTER_IMAGE',
  proxysql: 'BIGDB_CUTOVER_PROXYSQL_IMAGE',
} as const;

/** The image that the environment names for a kind of server; null: what is on this machine. */
export function imageOf(kind: keyof typeof imageVariables): string | null {
  return process.env[imageVariables[kind]] || null;
}

/** Where servers of a kind run. */
export function machineOf(kind: keyof typeof imageVariables): Machine {
  const image = imageOf(kind);
  return image === null ? thisMachine : containersOf(image);
}

/** Names what was made by a server's programs: `mariadb-10.11.14`, of an image with its name. */
export function templateName(kind: keyof typeof imageVariables, product: string): string {
  const image = imageOf(kind);
  return image === null ? product : `${product}-of-${image.replaceAll(/[^\w.]+/g, '-')}`;
}
