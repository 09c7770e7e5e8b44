import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { VerbIo } from '../../src/backend/verbs/io';
import { runAnswer, type AnswerOptions } from '../../src/backend/verbs/answer';
import { LAB_IMAGE, writeLabImage } from '../../src/lab/simulated/image';
import { temporaryFolder } from './bootServerFixture';

async function answer(options: Partial<AnswerOptions>): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const drive = path.join(await temporaryFolder(), 'drive');
  await cp('examples/homelab', drive, { recursive: true, filter: (source) => !/\/(images|state)$/.test(source) });
  await writeLabImage(path.join(drive, 'images'));
  const spec = path.join(drive, 'pxen.yaml');
  await writeFile(spec, (await readFile(spec, 'utf8')).replace(/image: \S+/, `image: ${LAB_IMAGE}`));
  let [out, err] = ['', ''];
  const io: VerbIo = { out: (text) => void (out += text), err: (text) => void (err += text), interactive: false, env: {}, signal: new AbortController().signal };
  const code = await runAnswer({ mac: '52:54:00:aa:00:01', drive, arch: 'bios', ipxe: false, json: false, ...options }, io);
  return { code, out, err };
}

describe('pxen answer', () => {
  it.each([
    [{ arch: 'bios' }, 0, /^node1 \(52:54:00:aa:00:01\), BIOS, is offered 10\.77\.0\.11 and undionly\.kpxe over TFTP\.\n$/],
    [{ arch: 'uefi' }, 0, /x64 UEFI, is offered 10\.77\.0\.11 and snponly\.efi over TFTP/],
    [{ arch: 'http' }, 0, /UEFI HTTP boot, is offered .* snponly\.efi over HTTP/],
    [{ arch: 'os' }, 0, /^node1 \(52:54:00:aa:00:01\) is offered 10\.77\.0\.11\.\n$/],
    [{ mac: '52-54-00-AA-00-01', ipxe: true }, 0, /its boot script .*\n\n#!ipxe\n[\s\S]*initrd\?token=ONE-TIME-TOKEN/],
    [{ mac: '52:54:00:ff:ff:ff' }, 1, /no host on the drive has this MAC: not answered/],
  ] as const)('%j', async (options, code, text) => {
    expect(await answer(options)).toEqual({ code, out: expect.stringMatching(text) as string, err: '' });
  });

  it('with --json is one document', async () => {
    expect(JSON.parse((await answer({ arch: 'uefi', json: true })).out)).toMatchObject({ answered: true, address: '10.77.0.11', bootFile: '52-54-00-aa-00-01/snponly.efi' });
  });

  it('says what is wrong with a MAC', async () => {
    expect(await answer({ mac: '52:54' })).toEqual({ code: 2, out: '', err: "52:54 isn't a MAC address. Write it like 52:54:00:aa:00:01.\n" });
  });
});
