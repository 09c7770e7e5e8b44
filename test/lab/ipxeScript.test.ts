import { describe, expect, it } from 'vitest';
import { runIpxeScript, type IpxeImage } from '../../src/lab/simulated/boot/ipxe-script';

interface Outcome {
  readonly screen: string[];
  readonly started?: { readonly kernel: IpxeImage; readonly others: readonly IpxeImage[] };
  readonly slept: number;
  readonly error?: string;
}

/** Files by URI; `refuse` makes `boot` fail. */
async function run(script: string, files: Readonly<Record<string, string>> = {}, refuse?: string): Promise<Outcome> {
  const screen: string[] = [];
  let started: Outcome['started'];
  let slept = 0;
  let error: string | undefined;
  try {
    await runIpxeScript(script, {
      settings: new Map([['platform', 'efi'], ['net0/mac', '52:54:00:aa:00:01']]),
      fetch: (uri) => {
        const text = files[uri];
        return text === undefined ? Promise.reject(new Error(`${uri}: 404`)) : Promise.resolve(Buffer.from(text));
      },
      start: (kernel, others) => {
        if (refuse === undefined) started = { kernel, others: [...others] };
        return refuse;
      },
      sleep: (seconds) => {
        slept += seconds;
        return Promise.resolve();
      },
      print: (line) => screen.push(line),
    });
  } catch (thrown) {
    error = (thrown as Error).message;
  }
  return { screen, slept, ...(started === undefined ? {} : { started }), ...(error === undefined ? {} : { error }) };
}

const script = (...lines: string[]) => ['#!ipxe', ...lines].join('\n');

describe('an iPXE script', () => {
  it('fetches images under their names and starts the kernel with its arguments', async () => {
    const { started } = await run(script('set base http://s/i', 'kernel --name xen ${base}/xen?mac=1 a=1 b', 'module ${base}/initrd', 'boot'), { 'http://s/i/xen?mac=1': 'XEN', 'http://s/i/initrd': 'RD' });
    expect(started?.kernel).toMatchObject({ name: 'xen', uri: 'http://s/i/xen?mac=1', arguments: ['a=1', 'b'] });
    expect(started?.others.map(({ name, content }) => [name, content.toString()])).toEqual([['initrd', 'RD']]);
  });

  it('branches on what it runs on', async () => {
    expect((await run(script('iseq ${platform} efi && goto uefi || goto bios', ':bios', 'echo bios', 'exit', ':uefi', 'echo uefi ${net0/mac:hexhyp}'))).screen).toEqual(['uefi 52-54-00-aa-00-01']);
  });

  it('goes on after a failure that has its ||, and comes back round', async () => {
    const files = { 'http://s/again': script('echo second', 'exit') };
    const outcome = await run(script('kernel http://s/none || goto again', ':again', 'sleep 5', 'chain --replace http://s/again || goto again'), files);
    expect(outcome).toMatchObject({ screen: ['http://s/none: 404', 'second'], slept: 5 });
  });

  it.each([
    ['a failure without ||', script('kernel http://s/none', 'boot'), '"kernel http://s/none" failed: http://s/none: 404'],
    ['an unknown command', script('frobnicate'), '"frobnicate" failed: frobnicate: command not found'],
    ['a label that is not there', script('goto nowhere'), 'there is no label ":nowhere"'],
    ['something that is no script', 'kernel http://s/xen', 'not an iPXE script: its first line is not #!ipxe'],
    ['a loop without a pause', script(':a', 'goto a'), 'the script goes round without a pause'],
  ])('ends with %s', async (_what, text, error) => {
    expect((await run(text)).error).toBe(error);
  });

  it('sees that an image did not start', async () => {
    const { screen, started } = await run(script('kernel http://s/xen', 'boot || echo no'), { 'http://s/xen': 'x' }, 'Exec format error');
    expect(screen).toEqual(['Exec format error', 'no']);
    expect(started).toBeUndefined();
  });
});
