// Stands in for the `proxysql` binary where there is none: same command line, same ports, same behaviour as far as the
// lab needs it. `node main.ts -f -c FILE -D DATADIR --no-version-check`

import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type Socket, type Server as TcpServer } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { AdminCommands } from './admin/commands.ts';
import { AdminDatabase } from './admin/database.ts';
import { Layers, type ModuleName } from './admin/layers.ts';
import { serveAdmin } from './admin/session.ts';
import { parseConfigFile } from './configFile.ts';
import { Runtime } from './runtime.ts';
import { releaseExpired } from './session/execution.ts';
import { ClientSession } from './session/session.ts';
import { VARIABLE_DEFAULTS } from './variableDefaults.ts';

const MODULES: readonly ModuleName[] = [
  'mysql variables',
  'admin variables',
  'mysql servers',
  'mysql users',
  'mysql query rules',
  'proxysql servers',
];

const { values } = parseArgs({
  options: {
    config: { type: 'string', short: 'c' },
    datadir: { type: 'string', short: 'D' },
    foreground: { type: 'boolean', short: 'f' },
    'no-version-check': { type: 'boolean' },
  },
});

const config = parseConfigFile(values.config === undefined ? '' : readFileSync(values.config, 'utf8'));
const dataDir = values.datadir ?? config.dataDir ?? '.';
mkdirSync(dataDir, { recursive: true });

const runtime = new Runtime();
const database = new AdminDatabase(join(dataDir, 'proxysql.db'));
const layers = new Layers(database, runtime);
fillMemory();
for (const module of MODULES) layers.memoryToRuntime(module);

const commands = new AdminCommands(database, layers, runtime);
const listeners: TcpServer[] = [];
const sockets = new Set<Socket>();
for (const address of runtime.variables.get('admin-mysql_ifaces').split(';')) {
  listen(address, (socket) => serveAdmin(runtime, commands, socket, shutDown));
}
for (const address of runtime.variables.get('mysql-interfaces').split(';')) {
  const port = Number(address.slice(address.lastIndexOf(':') + 1));
  listen(address, (socket) => new ClientSession(runtime, socket, port));
}
setInterval(() => {
  for (const session of runtime.sessions.values()) releaseExpired(session);
}, 500).unref();
process.on('SIGTERM', shutDown);
process.on('SIGINT', shutDown);

/** What an earlier run saved wins over the configuration file, as it does with the real one. */
function fillMemory(): void {
  database.fill('main.global_variables', VARIABLE_DEFAULTS);
  if (database.hadDisk) {
    for (const module of MODULES) {
      if (!module.endsWith('variables')) layers.diskToMemory(module);
    }
    for (const row of database.all('SELECT * FROM disk.global_variables'))
      setVariable(String(row.variable_name), String(row.variable_value));
    return;
  }
  for (const [name, value] of config.variables) setVariable(name, value);
  for (const module of MODULES) layers.memoryToDisk(module);
}

function setVariable(name: string, value: string): void {
  database.all('UPDATE main.global_variables SET variable_value=? WHERE variable_name=?', value, name);
}

function listen(address: string, onConnection: (socket: Socket) => void): void {
  const colon = address.lastIndexOf(':');
  // Half open, because a session outlives the end of what its client sends.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  server.on('error', (error) => {
    process.stderr.write(`cannot listen on ${address}: ${error.message}\n`);
    process.exit(1);
  });
  server.listen(Number(address.slice(colon + 1)), address.slice(0, colon));
  listeners.push(server);
}

/** At once, as the real one: open connections are cut. */
function shutDown(): void {
  for (const server of listeners) server.close();
  for (const socket of sockets) socket.destroy();
  runtime.hostgroups.closeAll();
  database.close();
  process.exit(0);
}
