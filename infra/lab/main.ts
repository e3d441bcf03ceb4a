import { parseArgs } from 'node:util';
import type { ControllerProcess } from './estate/controllerProcess.ts';
import { type Lab, startLab } from './estate/lab.ts';

const usage = `npm run lab -- [--json] [--orgs N] [--proxies N] [--controllers N] [--regions N] [--routing user|schema|comment] [--rows N]

Starts the whole platform on this machine with the controller, without a workload, and stays up until Ctrl-C or SIGTERM.`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      orgs: { type: 'string', default: '6' },
      proxies: { type: 'string', default: '2' },
      controllers: { type: 'string', default: '1' },
      regions: { type: 'string', default: '1' },
      routing: { type: 'string', default: 'user' },
      rows: { type: 'string', default: '3000' },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const routing = (['user', 'schema', 'comment'] as const).find((how) => how === values.routing);
  if (routing === undefined) throw new RangeError(`--routing takes user, schema or comment, not ${values.routing}`);
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  const lab = await startLab({
    orgs: count('orgs', values.orgs, 1, 2_000),
    proxies: count('proxies', values.proxies, 1, 8),
    regions: count('regions', values.regions, 1, 2),
    rows: count('rows', values.rows, 1, 1_000_000),
    routing,
    onProgress: (line) => console.error(line),
  });
  try {
    const controllers: ControllerProcess[] = [];
    for (let n = 1; n <= count('controllers', values.controllers, 1, 5); n++) {
      controllers.push(await lab.controller(`controller-${n}`));
    }
    const description = describeLab(lab, controllers);
    if (values.json) console.error(`web page: ${description.api}/`);
    if (values.json) console.log(JSON.stringify(description));
    else printLab(description);
    await stopped;
    return 0;
  } finally {
    await lab.stop();
  }
}

function count(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`--${option} takes a whole number from ${least} to ${most}, not ${text}`);
  }
  return value;
}

/** The line that other programs read: everything that a client of their own needs. */
export function describeLab(lab: Lab, controllers: readonly ControllerProcess[]) {
  const { cutover } = lab.accounts;
  const place = (server: { name: string; host: string; port: number; user: string; password: string }) => ({
    name: server.name,
    host: server.host,
    port: server.port,
    user: server.user,
    password: server.password,
  });
  return {
    api: controllers[0]?.api ?? '',
    tokens: lab.tokens,
    routing: lab.routing,
    sites: lab.sites.sites.map(({ server }) => place(server)),
    clusters: lab.clusters.map(({ homeRegion, server }) => ({ homeRegion, ...place(server) })),
    store: {
      ...place(lab.control.store),
      user: lab.storeAccount.user,
      password: lab.storeAccount.password,
      database: lab.storeAccount.database,
    },
    coredb: place(lab.control.coredb),
    proxies: lab.proxies.map(({ name, host, port, adminPort, adminUser, adminPassword }) => ({
      name,
      host,
      port,
      adminPort,
      adminUser,
      adminPassword,
    })),
    dms: lab.dms.url,
    orgs: lab.orgs,
    controllers: controllers.map(({ name, api }) => ({ name, api })),
    controllerUser: cutover.user,
    processes: [
      ...lab.sites.sites.map(({ server }) => ({ name: server.name, pid: server.pid })),
      ...lab.clusters.map(({ server }) => ({ name: server.name, pid: server.pid })),
      { name: 'store', pid: lab.control.store.pid },
      { name: 'coredb', pid: lab.control.coredb.pid },
      ...lab.proxies.map(({ name, pid }) => ({ name, pid })),
      { name: 'dms', pid: lab.dms.pid },
      ...controllers.map(({ name, pid }) => ({ name, pid })),
    ],
  };
}

function printLab(lab: ReturnType<typeof describeLab>): void {
  console.log(`API           ${lab.api}`);
  console.log(`web page      ${lab.api}/ (enter with one of the tokens)`);
  for (const [role, token] of Object.entries(lab.tokens)) console.log(`token         ${role.padEnd(9)} ${token}`);
  for (const proxy of lab.proxies)
    console.log(`proxy         ${proxy.name.padEnd(14)} ${proxy.host}:${proxy.port} (admin ${proxy.adminPort})`);
  for (const site of lab.sites) console.log(`site          ${site.name.padEnd(14)} ${site.host}:${site.port}`);
  for (const cluster of lab.clusters)
    console.log(`cluster       ${cluster.name.padEnd(14)} ${cluster.host}:${cluster.port} for ${cluster.homeRegion}`);
  for (const org of lab.orgs)
    console.log(`org           ${String(org.orgId).padEnd(6)} ${org.user} / ${org.password} on ${org.database}`);
  console.log('Ctrl-C ends it all.');
}

process.exitCode = await main();
