import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { encodeDhcp } from '../../src/backend/netboot/dhcp/codec';
import { OPTION } from '../../src/backend/netboot/dhcp/options';
import { LAB_IMAGE, writeLabImage } from '../../src/lab/simulated/image';
import { copyExample } from '../support/examples';
import { temporaryFolder } from './bootServerFixture';
import { address, CLIENTS, request, STRANGER } from './clients';

/** Each kind of client with each kind of message, of hosts and of a stranger. */
const REQUESTS = ['52:54:00:aa:00:01', '52:54:00:aa:00:02', '52:54:00:aa:00:03', STRANGER].flatMap((mac) =>
  Object.values(CLIENTS).flatMap((client) => [
    request({ type: 'discover', mac, options: client }),
    request({ type: 'request', mac, options: [...client, [OPTION.requestedAddress, address('10.77.0.11')], [OPTION.serverIdentifier, address('10.77.0.1')]] }),
    request({ type: 'request', mac, options: client, fields: { clientAddress: '10.77.0.12', broadcast: true } }),
    request({ type: 'inform', mac, options: client, fields: { clientAddress: '10.77.0.11' } }),
    request({ type: 'discover', mac, options: [...client, [OPTION.relayAgentInformation, Buffer.from('0104eth0', 'hex')]], fields: { relayAddress: '10.77.0.254', hops: 1 } }),
    request({ type: 'decline', mac, options: client }),
  ]),
);

/** A copy of the drive; the second has its hosts in one file, in the other order. */
async function driveIn(folder: string, rewritten: boolean): Promise<string> {
  const drive = path.join(folder, rewritten ? 'second' : 'first');
  await copyExample('homelab', drive);
  const spec = path.join(drive, 'pxen.yaml');
  await writeFile(spec, (await readFile(spec, 'utf8')).replace(/image: \S+/, `image: ${LAB_IMAGE}`));
  await writeLabImage(path.join(drive, 'images'));
  if (!rewritten) return drive;
  const names = (await readdir(path.join(drive, 'hosts'))).sort().reverse();
  const texts = await Promise.all(names.map((name) => readFile(path.join(drive, 'hosts', name), 'utf8')));
  const single = path.join(folder, 'hosts');
  await mkdir(single);
  await writeFile(path.join(single, 'all.host.yaml'), texts.map((text) => text.replace(/^---\n/, '').trimEnd()).join('\n---\n'));
  await cp(drive, `${drive}-one`, { recursive: true, filter: (source) => !source.endsWith('/hosts') });
  await cp(single, path.join(`${drive}-one`, 'hosts'), { recursive: true });
  return `${drive}-one`;
}

function answersOf(script: string, drive: string): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, [script, drive], { maxBuffer: 64 << 20 }, (error, stdout) => {
      if (error) reject(new Error(error.message, { cause: error }));
      else resolve(stdout.trim().split('\n'));
    });
    child.stdin?.end(REQUESTS.map((message) => encodeDhcp(message).bytes.toString('hex')).join('\n'));
  });
}

it('two processes with copies of one drive answer alike: DHCP byte for byte, scripts and names letter for letter', async () => {
  const folder = await temporaryFolder();
  const script = path.join(folder, 'answerer.cjs');
  await build({ entryPoints: ['test/netboot/answererProcess.ts'], outfile: script, bundle: true, platform: 'node', target: 'node20', format: 'cjs', external: ['*.node', 'cpu-features'], logLevel: 'error' });
  const [first, second] = await Promise.all([driveIn(folder, false), driveIn(folder, true)].map(async (drive) => answersOf(script, await drive)));
  expect(first).toHaveLength(REQUESTS.length);
  expect(first).toEqual(second);
  expect(first!.filter((line) => line.includes('"reply":"02')).length).toBeGreaterThan(REQUESTS.length / 2);
});
