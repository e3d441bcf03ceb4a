import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A certificate and its key, as PEM files. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** An authority of the test's own. */
export interface Authority {
  readonly caFile: string;
  /** A certificate for a server of this name (DNS). */
  issue(name: string): Promise<CertificateFiles>;
}

/** Makes an authority; its files go into `folder`, which belongs to the caller. */
export async function makeAuthority(folder: string, authority: string): Promise<Authority> {
  const file = (name: string) => join(folder, `${authority}-${name}`);
  // Nothing of the machine's own configuration of openssl.
  const config = file('openssl.cnf');
  await writeFile(config, '[req]\ndistinguished_name = dn\n[dn]\n');
  const make = async (name: string, extensions: readonly string[], signedBy: readonly string[]) => {
    const files = { certFile: file(`${name}.pem`), keyFile: file(`${name}.key`) };
    await run('openssl', [
      ...['req', '-x509', '-config', config, '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'],
      ...['-days', '2', '-subj', `/CN=${authority} ${name}`, '-out', files.certFile, '-keyout', files.keyFile],
      ...extensions.flatMap((extension) => ['-addext', extension]),
      ...signedBy,
    ]);
    return files;
  };
  const own = await make('ca', ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign'], []);
  return {
    caFile: own.certFile,
    issue: (name) =>
      make(
        name,
        ['basicConstraints=critical,CA:FALSE', `subjectAltName=DNS:${name}`],
        ['-CA', own.certFile, '-CAkey', own.keyFile],
      ),
  };
}
