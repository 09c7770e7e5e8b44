/** TFTP against tftpd-hpa and atftpd, on loopback, by one and the same client (tftpLoad.c): MB/s of boot loaders. */

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { compare } from './compare';
import { imageFolderIn, loopbackPool, serveIfAsked, startOurs } from './ourServer';
import { freeUdpPort, tftpAnswers } from './ports';
import { type Daemon, isRoot, type Owner, present, run, unpackDebian, withOwner } from './processes';

const FILE = 'ipxe.efi';
const FILE_BYTES = 4 << 20;
const ADDRESS = '127.0.0.1';

interface Load {
  readonly clients: number;
  readonly repeats: number;
  readonly blockSize: number;
  readonly windowSize: number;
}

if (!(await serveIfAsked())) await withOwner(bench);

async function bench(owner: Owner): Promise<boolean> {
  if (!isRoot()) {
    console.log('TFTP left out: tftpd-hpa and atftpd start only as root');
    return true;
  }
  if (!present('TFTP', { cc: 'gcc' })) return true;
  const load = path.join(owner.folder, 'tftpLoad');
  await run('cc', ['-O2', '-o', load, 'bench/netboot/tftpLoad.c']);
  const folder = imageFolderIn(owner.folder);
  await mkdir(folder);
  await writeFile(path.join(folder, FILE), Buffer.alloc(FILE_BYTES, 'boot loader '));
  await run('chmod', ['-R', 'a+rX', owner.folder]);
  const ours = await startOurs(owner, loopbackPool(owner.folder));

  const rate = (port: number, { clients, repeats, blockSize, windowSize }: Load) => async () => {
    const [bytes = 0, seconds = 1] = (await run(load, [ADDRESS, port, FILE, clients, repeats, blockSize, windowSize].map(String))).split(' ').map(Number);
    if (bytes !== FILE_BYTES * clients * repeats) throw new Error(`${bytes} bytes came, not ${FILE_BYTES * clients * repeats}`);
    return { rate: bytes / seconds / 1e6, pieces: bytes / blockSize };
  };
  const against = async (peer: string, daemon: Daemon, port: number, limit: number, asked: Load) => {
    const window = asked.windowSize === 1 ? '' : `, windowsize ${asked.windowSize}`;
    const clients = asked.clients === 1 ? 'one client' : `${asked.clients} clients`;
    const what = `TFTP, blksize ${asked.blockSize}${window}, ${clients}`;
    return compare({ what, unit: 'MB/s', piece: 'block', peer, limit, ours: { daemon: ours, measure: rate(ours.ports.tftp, asked) }, theirs: { daemon, measure: rate(port, asked) } });
  };

  const results: boolean[] = [];
  if (present('TFTP against tftpd-hpa', { 'in.tftpd': 'tftpd-hpa' })) {
    const port = await freeUdpPort(ADDRESS);
    const daemon = await owner.daemon('/usr/sbin/in.tftpd', ['--listen', '--foreground', '--user', 'nobody', '--address', `${ADDRESS}:${port}`, '--secure', folder], () => tftpAnswers(ADDRESS, port));
    for (const blockSize of [512, 1428]) {
      results.push(await against('tftpd-hpa', daemon, port, 1, { clients: 1, repeats: 4, blockSize, windowSize: 1 }));
      results.push(await against('tftpd-hpa', daemon, port, 0.9, { clients: 16, repeats: 1, blockSize, windowSize: 1 }));
    }
  }
  // Debian installs only one of the two TFTP servers at a time.
  const unpacked = await unpackDebian(owner, 'atftpd');
  if (unpacked === undefined) console.log("TFTP windows against atftpd left out: its Debian package can't be fetched");
  else {
    const port = await freeUdpPort(ADDRESS);
    const daemon = await owner.daemon(path.join(unpacked, 'usr/sbin/atftpd'), ['--daemon', '--no-fork', '--user', 'nobody', '--group', 'nogroup', '--bind-address', ADDRESS, '--port', String(port), '--maxthread', '100', folder], () => tftpAnswers(ADDRESS, port));
    for (const windowSize of [4, 16]) results.push(await against('atftpd', daemon, port, 0.9, { clients: 1, repeats: 4, blockSize: 1428, windowSize }));
  }
  return !results.includes(false);
}
