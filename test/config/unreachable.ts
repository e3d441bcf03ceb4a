import { parse, stringify } from 'yaml';
import { exampleText } from './example.ts';

/** Nothing listens there. */
const nowhere = { host: 'localhost', port: 1 };

/** The example with every address changed to one where nobody is, and an API of its own. */
export function unreachableExample(http: object): string {
  const document = parse(exampleText);
  document.controller.http = http;
  for (const place of [document.store, document.coredb, ...document.sites, ...document.clusters]) {
    Object.assign(place, nowhere);
  }
  // Two regions never share a cluster.
  for (const [index, cluster] of document.clusters.entries()) cluster.port = nowhere.port + index;
  for (const [index, proxy] of document.proxies.entries()) {
    Object.assign(proxy, { host: nowhere.host, adminPort: nowhere.port + index });
  }
  for (const region of Object.values<object>(document.dms.regions)) {
    Object.assign(region, { endpoint: `http://${nowhere.host}:${nowhere.port}` });
  }
  return stringify(document);
}
