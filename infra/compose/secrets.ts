// node secrets.ts FOLDER: makes up every password, and writes what the proxies start with. Does nothing where that is there.

import { access } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { configText } from '../lab/proxysql/configText.ts';
import { type Layout, layoutOf, password, proxies, proxyAdminPort, proxyAdminUser, proxyPort, put } from './layout.ts';

/** Makes up every secret, once; where that was cut off, all of them anew: nobody has used them yet. */
export async function writeSecrets(layout: Layout): Promise<void> {
  // Written last: it tells that all the others are there.
  const last = layout.secret('complete');
  const isThere = await access(last).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  for (const name of ['root', 'grafana', 'replication']) await put(layout.secret(name), password());
  for (const name of proxies) {
    const adminPassword = password();
    await put(layout.secret(name), adminPassword);
    await put(
      layout.proxy(name),
      configText({
        listenOn: '0.0.0.0',
        dataDir: '/var/lib/proxysql',
        adminUser: proxyAdminUser,
        adminPassword,
        port: proxyPort,
        adminPort: proxyAdminPort,
      }),
    );
  }
  await put(last, '');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await writeSecrets(layoutOf(process.argv));
