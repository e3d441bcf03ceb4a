/** How a call is refused. */

/** The name and message of the fault that a call ends in. */
export async function fault(call: Promise<unknown>): Promise<{ name: string; message: string }> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Error) return { name: error.name, message: error.message };
  }
  throw new Error('the call was not refused');
}

export async function faultName(call: Promise<unknown>): Promise<string> {
  return (await fault(call)).name;
}
