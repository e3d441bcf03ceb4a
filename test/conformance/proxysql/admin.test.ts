import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Bench, errorOf } from './bench.ts';
import { adminSuite } from './suites/admin.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.start();
});
afterAll(() => bench?.stop());
beforeEach(() => bench.reset());

describe('the admin interface of ProxySQL', () => {
  test('speaks the text protocol only: execute() is refused with 1045', async () => {
    const admin = await bench.newAdmin();
    expect(await errorOf(admin.execute('SELECT 1'))).toMatchObject({ errno: 1045, message: 'Command not supported' });
  });

  test('refuses a wrong password with 1045', async () => {
    const wrong = { user: 'org42', password: 'wrong' };
    expect(await errorOf(bench.client('org42', wrong))).toMatchObject({
      errno: 1045,
      message: "ProxySQL Error: Access denied for user 'org42'@'127.0.0.1' (using password: YES)",
    });
  });
});

adminSuite(() => bench);
