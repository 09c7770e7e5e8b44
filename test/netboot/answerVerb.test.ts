import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeUnknownMachines } from '../../src/backend/drive/unknownMachines';
import type { UnknownMachine } from '../../src/protocol';
import type { VerbIo } from '../../src/backend/verbs/io';
import { runAnswer, type AnswerOptions } from '../../src/backend/verbs/answer';
import { LAB_IMAGE, writeLabImage } from '../../src/lab/simulated/image';
import { copyExample } from '../support/examples';
import { temporaryFolder } from './bootServerFixture';

/** `network` is added to the network of pxen.yaml; `harm` is done to the image's folder. */
async function answer({ network = '', heard, harm, ...options }: Partial<AnswerOptions> & { readonly network?: string; readonly heard?: UnknownMachine; readonly harm?: (image: string) => Promise<void> }): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const drive = path.join(await temporaryFolder(), 'drive');
  await copyExample('homelab', drive);
  await writeLabImage(path.join(drive, 'images'));
  await harm?.(path.join(drive, 'images', LAB_IMAGE));
  const spec = path.join(drive, 'pxen.yaml');
  await writeFile(spec, (await readFile(spec, 'utf8')).replace(/image: \S+/, `image: ${LAB_IMAGE}`).replace(/^ {2}dhcp: .*$/m, network === '' ? '$&' : network));
  if (heard) await writeUnknownMachines(path.join(drive, 'state'), [heard]);
  let [out, err] = ['', ''];
  const io: VerbIo = { out: (text) => void (out += text), err: (text) => void (err += text), interactive: false, env: {}, signal: new AbortController().signal };
  const code = await runAnswer({ mac: '52:54:00:aa:00:01', drive, arch: 'bios', ipxe: false, json: false, ...options }, io);
  return { code, out, err };
}

const STRANGER: UnknownMachine = { mac: '52:54:00:ff:ff:ff', wants: 'boot', architecture: 'x64 UEFI', vendorClass: 'PXEClient:Arch:00007:UNDI:003016', firstSeen: '2026-01-01T10:00:00.000Z', lastSeen: '2026-01-02T10:00:00.000Z', count: 7 };
const RANGE = '  dhcp: authoritative\n  range: {from: 10.77.0.100, to: 10.77.0.199}';

describe('pxen answer', () => {
  it.each([
    ['a host with BIOS', { arch: 'bios' }, 0],
    ['a host with UEFI', { arch: 'uefi' }, 0],
    ['a host with UEFI HTTP boot', { arch: 'http' }, 0],
    ['a host with arm64', { arch: 'arm64' }, 0],
    ['a host with arm64 HTTP boot', { arch: 'arm64-http' }, 0],
    ['a host that runs', { arch: 'os' }, 0],
    ['iPXE on a host', { mac: '52-54-00-AA-00-01', ipxe: true }, 0],
    ['a host beside another server', { arch: 'uefi', network: '  dhcp: proxy' }, 0],
    ['arm64 beside another server', { arch: 'arm64', network: '  dhcp: proxy' }, 1],
    ['a host without DHCP', { network: '  dhcp: off' }, 1],
    ['a stranger', { mac: STRANGER.mac }, 1],
    ['a stranger that was heard', { mac: STRANGER.mac, heard: STRANGER }, 1],
    ['a stranger beside another server', { mac: STRANGER.mac, network: '  dhcp: proxy' }, 1],
    ['a stranger who may see the menu beside another server', { mac: STRANGER.mac, network: '  dhcp: proxy\n  unknown: menu' }, 0],
    ['a stranger with a range', { mac: STRANGER.mac, arch: 'uefi', network: RANGE }, 0],
    ['iPXE on a stranger with a range', { mac: STRANGER.mac, ipxe: true, network: RANGE }, 0],
  ] as const)('%s', async (title, options, code) => {
    const told = await answer(options);
    expect([told.code, told.err]).toEqual([code, '']);
    await expect(told.out).toMatchFileSnapshot(`answerVerb/${title.replaceAll(' ', '-')}.txt`);
  });

  it('with --json is one document', async () => {
    expect(JSON.parse((await answer({ arch: 'uefi', json: true })).out)).toMatchObject({
      answered: true,
      address: '10.77.0.11',
      bootFile: '52-54-00-aa-00-01/snponly.efi',
      replies: [{ type: 'offer', to: '255.255.255.255:68', options: expect.arrayContaining([{ code: 51, name: 'lease time', value: 'for ever' }]) as unknown }],
    });
    expect(JSON.parse((await answer({ mac: STRANGER.mac, heard: STRANGER, json: true })).out)).toMatchObject({ answered: false, replies: [], heard: STRANGER });
  });

  const gone = (image: string) => rm(image, { recursive: true });

  it.each([
    ['firmware that would fetch its boot loader from it', { arch: 'bios', harm: gone }],
    ['firmware beside another server', { arch: 'uefi', network: '  dhcp: proxy', harm: gone }],
    ['iPXE', { ipxe: true, harm: gone }],
    ['a stranger that is lent an address and the menu', { mac: STRANGER.mac, network: RANGE, harm: gone }],
  ] as const)('says that the image is missing, to %s', async (_title, options) => {
    const { code, out } = await answer(options);
    expect(code).toBe(0);
    expect(out).toMatch(/^It would get no further\. There is no boot image in \S+\/images\/lab\. Build it: pxen image build --name lab\n/m);
  });

  it.each([
    ['a file of another size', (image: string) => truncate(path.join(image, 'vmlinuz'), 1), /The image lab isn't whole: \S+vmlinuz has 1 bytes; the manifest says \d+\. Build it: pxen image build --name lab, or copy it to the drive again\.$/],
    ['a damaged manifest', (image: string) => writeFile(path.join(image, 'manifest.json'), '{}'), /manifest\.json: "name" must be a non-empty string\. Build it: pxen image build --name lab$/],
  ])('says that the image is damaged: %s', async (_title, harm, expected) => {
    expect(JSON.parse((await answer({ json: true, harm })).out)).toMatchObject({ answered: true, imageTrouble: expect.stringMatching(expected) as unknown });
  });

  it('says nothing of the image to who fetches nothing from it', async () => {
    for (const options of [{ arch: 'os' }, { mac: STRANGER.mac, ipxe: true, network: RANGE }] as const) expect((await answer({ ...options, harm: gone })).out).not.toContain('image build');
  });

  it('shows the script that a host really gets without its image', async () => {
    expect((await answer({ ipxe: true, harm: gone })).out).toMatch(/#!ipxe\necho PXEN: There is no boot image in /);
  });

  it('says what is wrong with a MAC', async () => {
    expect(await answer({ mac: '52:54' })).toEqual({ code: 2, out: '', err: "52:54 isn't a MAC address. Write it like 52:54:00:aa:00:01.\n" });
  });
});
