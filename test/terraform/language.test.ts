import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { moduleText, terraformFiles, terraformFolder } from './hcl.ts';

const countOf = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].length;

describe('without terraform', () => {
  it.each(terraformFiles())('$path is formatted as far as eyes can see', ({ text }) => {
    expect(text).toMatch(/[^\n]\n$/);
    expect(text).not.toMatch(/\t|[ \t]+$|\n\n\n/m);
    let depth = 0;
    for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
      const code = line.replace(/"(?:[^"\\]|\\.)*"/g, '""').replace(/#.*/, '');
      const closing = /^\s*[})\]]+/.exec(code)?.[0].trim().length ?? 0;
      expect(line.search(/\S/), line).toBe(2 * (depth - Math.min(closing, 1)));
      // However many a line opens or closes, what follows is one step further in or out.
      depth += Math.sign(countOf(code, /[{([]/g) - countOf(code, /[})\]]/g));
    }
    expect(depth).toBe(0);
  });

  it('every variable says what it is, and all but the tags are checked', () => {
    const variables = moduleText('region')
      .split(/^variable /m)
      .slice(1);
    expect(variables.length).toBeGreaterThan(10);
    for (const variable of variables) {
      expect(variable).toMatch(/description = "/);
      if (!variable.startsWith('"tags"')) expect(variable).toMatch(/validation \{/);
    }
  });
});

/** So that it asks nobody for newer versions. */
const env = { ...process.env, CHECKPOINT_DISABLE: '1' };

/** Terraform itself, where it is installed; it fetches nothing here. */
const terraform = (() => {
  try {
    return execFileSync('terraform', ['version'], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return null;
  }
})();

if (terraform === null) console.warn('terraform is not installed: its own checks of infra/terraform are skipped');
describe.skipIf(terraform === null)('with terraform', () => {
  it('finds every file formatted, and its syntax good', () => {
    const told = execFileSync('terraform', ['fmt', '-check', '-recursive', '-list=true', terraformFolder], {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(told.replace(/^[╷│╵].*$|^There are some problems.*$/gm, '').trim()).toBe('');
  });

  describe('the variables alone, which need no provider', () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'cutover-terraform-'));
      cpSync(join(terraformFolder, 'modules/region/variables.tf'), join(folder, 'variables.tf'));
      execFileSync('terraform', ['init', '-backend=false'], { cwd: folder, env, stdio: 'ignore' });
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    const good = {
      name: 'bigdb-eu-west-2',
      home_region: 'eu-west-2',
      vpc_id: 'vpc-0123456789abcdef0',
      subnet_ids: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
      client_networks: ['10.10.0.0/16'],
      site: { network: '10.1.0.0/24', ca_pem: '-----BEGIN CERTIFICATE-----' },
      rds_ca_pem: '-----BEGIN CERTIFICATE-----',
      auto_increment_increment: 8,
      auto_increment_offset: 3,
      controller_role: 'bigdb-cutover',
      secrets_role: 'bigdb-cutover-execution',
      alarm_topic_arn: 'arn:aws:sns:eu-west-2:123456789012:bigdb-alarms',
    };

    /** What terraform says of these variables; empty where it takes them. */
    function refusal(variables: object): Promise<string> {
      const file = join(folder, 'terraform.tfvars.json');
      writeFileSync(file, JSON.stringify(variables));
      return new Promise((resolve) => {
        execFile('terraform', ['plan', '-input=false', '-no-color'], { cwd: folder, env }, (error, stdout, stderr) => {
          resolve(error === null ? '' : (stdout + stderr).replaceAll(/\s+/g, ' '));
        });
      });
    }

    it('takes good ones', async () => {
      expect(await refusal(good)).toBe('');
    });

    it('refuses every bad one, all at once', async () => {
      const told = await refusal({
        name: 'Big_DB',
        home_region: 'London',
        vpc_id: 'vpc',
        subnet_ids: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef0'],
        client_networks: ['0.0.0.0/0'],
        site: { network: '0.0.0.0/0', port: 0, ca_pem: 'none' },
        rds_ca_pem: 'none',
        auto_increment_increment: 8,
        auto_increment_offset: 9,
        controller_role: 'arn:aws:iam::1:role/x',
        secrets_role: '',
        alarm_topic_arn: 'bigdb-alarms',
        engine_version: '5.7.mysql_aurora.2.11.3',
        instance_class: 'r7g.xlarge',
        instances: 1,
        backup_retention_days: 0,
        binlog_retention_hours: 1,
        dms_instance_class: 'r6i.xlarge',
        dms_engine_version: 'latest',
        dms_storage_gb: 5,
        log_retention_days: 42,
      });
      const messages = [...moduleText('region').matchAll(/error_message = "([^"$]+)"/g)];
      const untold = messages.map(([, message = '']) => message).filter((message) => !told.includes(message));
      expect(messages.length).toBeGreaterThan(20);
      // The offset is too large for an increment that is right.
      expect(untold).toEqual([expect.stringMatching(/^The increment has/)]);
      expect(await refusal({ ...good, auto_increment_increment: 1, auto_increment_offset: 1 })).toContain(
        'The increment has',
      );
    });
  });
});
