import { createApi } from './api.ts';
import { help, type Invocation, parseInvocation } from './args.ts';
import { exitCodeOf } from './errors.ts';
import { type ExitCode, exitCodes } from './exitCodes.ts';
import { fleet } from './fleet.ts';
import { mismatches } from './mismatches.ts';
import { operate } from './operations.ts';
import { acceptSchema, order, verify } from './order.ts';
import { org, preflight } from './orgs.ts';
import { type Output, reportFailure } from './output.ts';
import { plan } from './plan.ts';
import { purge } from './purge.ts';
import { exportRouting } from './routing.ts';
import { status } from './status.ts';
import { watch } from './watch.ts';
import { wave } from './waves.ts';
import { webhooks } from './webhooks.ts';

/** One command line from beginning to end. Never throws: whatever happens becomes text and an exit code. */
export async function run(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  output: Output,
  signal: AbortSignal,
): Promise<ExitCode> {
  try {
    return await carryOut(parseInvocation(argv, env), env, output, signal);
  } catch (error) {
    reportFailure(error, argv.includes('--json'), output);
    return exitCodeOf(error);
  }
}

async function carryOut(
  invocation: Invocation,
  env: Readonly<Record<string, string | undefined>>,
  output: Output,
  signal: AbortSignal,
): Promise<ExitCode> {
  switch (invocation.command) {
    case 'help':
      output.out(help);
      return exitCodes.ok;
    case 'serve': {
      // Loaded when needed, so that the other commands start without the controller's drivers.
      const { serve } = await import('./serve.ts');
      return serve(invocation.config, env, () => import('../controller.ts'));
    }
    case 'fence': {
      const { fence } = await import('./fence.ts');
      return fence(invocation, env, output);
    }
    case 'catalog': {
      const { catalog } = await import('./catalog.ts');
      return catalog(invocation, env, output);
    }
    case 'diagnose':
    case 'repair': {
      const { look } = await import('./repair.ts');
      return look(invocation, env, output);
    }
    case 'freeze':
    case 'unfreeze':
    case 'evacuate':
    case 'audit':
      await operate(createApi(invocation), invocation, output);
      return exitCodes.ok;
    case 'fleet':
      await fleet(createApi(invocation), invocation, output);
      return exitCodes.ok;
    case 'webhooks':
      await webhooks(createApi(invocation), invocation, output);
      return exitCodes.ok;
    case 'preflight':
      return preflight(createApi(invocation), invocation, output);
    case 'plan':
      await plan(createApi(invocation), invocation, output);
      return exitCodes.ok;
    case 'wave':
      return wave(createApi(invocation), invocation, output);
    case 'org':
      await org(createApi(invocation), invocation, output);
      return exitCodes.ok;
    case 'purge':
      await purge(createApi(invocation), invocation, output);
      return exitCodes.ok;
    case 'routing':
      await exportRouting(createApi(invocation), invocation, output);
      return exitCodes.ok;
    case 'status':
      await status(createApi(invocation), invocation, output);
      return exitCodes.ok;
    case 'watch':
      await watch(createApi(invocation), invocation, output, signal);
      return exitCodes.ok;
    case 'mismatches':
      await mismatches(createApi(invocation), invocation, output);
      return exitCodes.ok;
    case 'schema':
      await acceptSchema(createApi(invocation), invocation, output);
      return exitCodes.ok;
    case 'verify':
    case 'repair-rows':
      await verify(createApi(invocation), invocation.command, invocation, output);
      return exitCodes.ok;
    default:
      await order(createApi(invocation), invocation.command, invocation, output);
      return exitCodes.ok;
  }
}
