/** coreutils, findutils and qemu-img of a simulated dom0, in the forms that PXEN uses. */

import { fileOf, FileWriter, makeFolders, resized } from './files';
import { exists, placeOf, readNode, writeNode } from './paths';
import { type Dom0Command, type Dom0Context, type Ended, fails, parseWords, prints, UsageError } from './command';
import { readSysfs } from './sysfs';

/** A machine is up for so long before its sshd answers; the lab's own boot takes less. */
const BOOT_SECONDS = 60;

export const FILE_COMMANDS: Readonly<Record<string, Dom0Command>> = {
  cat: (words, context) => {
    const [path = ''] = parseWords(words, {}).operands;
    if (path === '/proc/sys/kernel/random/boot_id') return prints(`${context.memory.bootId}\n`);
    if (path === '/proc/uptime') {
      const seconds = BOOT_SECONDS + (context.now() - context.memory.startedAt) / 1000;
      return prints(`${seconds.toFixed(2)} ${seconds.toFixed(2)}\n`);
    }
    const text = readSysfs(path, context.memory) ?? readNode(context.memory, path)?.head.toString('utf8');
    return text === undefined ? missing('cat', path) : prints(text);
  },

  test: (words, { memory }) => {
    const [operator, path = ''] = words;
    if (operator !== '-e') throw new UsageError(`${operator ?? ''}: unary operator expected`);
    return { code: exists(memory, path) ? 0 : 1, stdout: '', stderr: '' };
  },

  mkdir: (words, { memory }) => {
    const { operands } = parseWords(words, { flags: ['--parents'] });
    for (const path of operands) {
      const place = placeOf(memory, path);
      if (!place.mount.writable && !place.filesystem.folders.has(place.path)) return fails(1, `mkdir: cannot create directory ‘${path}’: Read-only file system`);
      makeFolders(place.filesystem, place.path);
    }
    return prints('');
  },

  dd: async (words, context) => {
    const operands = new Map(words.map((word) => word.split(/=(.*)/s) as [string, string]));
    const target = operands.get('of');
    const unknown = [...operands.keys()].find((key) => !['of', 'bs', 'conv', 'iflag', 'status'].includes(key));
    if (unknown !== undefined || target === undefined) throw new UsageError(`unrecognized operand ‘${unknown ?? 'of'}’`);
    const writer = new FileWriter();
    for await (const chunk of context.stdin) writer.write(chunk);
    const problem = writeNode(context.memory, target, writer.end());
    return problem === undefined ? prints('') : fails(1, `dd: failed to open '${target}': ${problem}`);
  },

  mv: (words, context) => {
    const { operands } = parseWords(words, { flags: ['--no-target-directory'] });
    const [from = '', to = ''] = operands;
    return link('mv', context, from, to, 'replace') ?? remove(context, from);
  },

  ln: (words, context) => {
    const { operands } = parseWords(words, { flags: ['--no-target-directory'] });
    const [from = '', to = ''] = operands;
    return link('ln', context, from, to, 'refuse') ?? prints('');
  },

  rm: (words, context) => {
    const { flags, operands } = parseWords(words, { flags: ['--force'] });
    for (const path of operands) {
      if (readNode(context.memory, path) === undefined) {
        if (!flags.has('--force')) return missing('rm', path);
      } else remove(context, path);
    }
    return prints('');
  },

  sync: (words, { memory }) => {
    const path = parseWords(words, {}).operands.find((operand) => !exists(memory, operand));
    return path === undefined ? prints('') : missing('sync', path);
  },

  fallocate: (words, context) => {
    const { values, operands } = parseWords(words, { values: ['--length'] });
    return resize('fallocate', context, operands[0] ?? '', Number(values.get('--length')), 'grow');
  },

  truncate: (words, context) => {
    const { values, operands } = parseWords(words, { values: ['--size'] });
    return resize('truncate', context, operands[0] ?? '', Number(values.get('--size')), 'set');
  },

  sha256sum: (words, { memory }) => {
    const [path = ''] = parseWords(words, {}).operands;
    const node = readNode(memory, path);
    if (node === undefined) return missing('sha256sum', path);
    return node.sha256 === undefined ? fails(1, `sha256sum: ${path}: the lab keeps no sum of a file that was resized`) : prints(`${node.sha256}  ${path}\n`);
  },

  stat: (words, { memory }) => {
    const { flags, values, operands } = parseWords(words, { flags: ['--file-system'], values: ['--format'] });
    const [path = ''] = operands;
    const format = values.get('--format');
    if (flags.has('--file-system') && format === '%S %b') return prints(`4096 ${Math.floor(placeOf(memory, path).filesystem.capacityBytes / 4096)}\n`);
    if (!flags.has('--file-system') && format === '%s') {
      const node = readNode(memory, path);
      return node === undefined ? missing('stat', path) : prints(`${node.sizeBytes}\n`);
    }
    throw new UsageError(`format ${format ?? ''} is not known to the lab`);
  },

  find: (words, context) => {
    const execAt = words.indexOf('-exec');
    const exec = execAt < 0 ? undefined : words.slice(execAt + 1).join(' ');
    const [top = '', ...tests] = execAt < 0 ? words : words.slice(0, execAt);
    const [minWord, min, maxWord, max, typeWord, type, nameWord, name = ''] = tests;
    const known = [minWord, maxWord, typeWord, type, nameWord].join(' ') === '-mindepth -maxdepth -type f -name' && min === max && tests.length === 8;
    if (!known || (exec !== undefined && exec !== 'grep --with-filename . {} +')) throw new UsageError('these tests are not known to the lab');
    const place = placeOf(context.memory, top);
    if (!place.filesystem.folders.has(place.path)) return fails(1, `find: ‘${top}’: No such file or directory`);
    const prefix = place.path === '/' ? '/' : `${place.path}/`;
    const pattern = new RegExp(`^${name.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`);
    const found = [...place.filesystem.files]
      .filter(([path]) => path.startsWith(prefix))
      .map(([path, node]) => ({ below: path.slice(prefix.length), node }))
      .filter(({ below }) => below.split('/').length === Number(max) && pattern.test(below.slice(below.lastIndexOf('/') + 1)));
    const lines = found.flatMap(({ below, node }) => {
      const path = `${top}/${below}`;
      if (exec === undefined) return [path];
      return node.head.toString('utf8').split('\n').filter((line) => line !== '').map((line) => `${path}:${line}`);
    });
    return prints(lines.map((line) => `${line}\n`).join(''));
  },

  'qemu-img': (words, { memory }) => {
    const [verb, ...rest] = words;
    if (verb === 'info') {
      const [path = ''] = parseWords(rest, { values: ['--output'] }).operands;
      const node = readNode(memory, path);
      if (node === undefined) return missing('qemu-img', path);
      return prints(`${JSON.stringify({ 'virtual-size': qcow2Size(node.head), filename: path, format: 'qcow2' }, null, 4)}\n`);
    }
    if (verb === 'convert') {
      const [from = '', to = ''] = parseWords(rest, { values: ['-f', '-O'] }).operands;
      const node = readNode(memory, from);
      if (node === undefined) return missing('qemu-img', from);
      const problem = writeNode(memory, to, { sizeBytes: qcow2Size(node.head), head: Buffer.alloc(0), sha256: undefined });
      return problem === undefined ? prints('') : fails(1, `qemu-img: ${to}: error while converting raw: ${problem}`);
    }
    throw new UsageError(`Command not found: ${verb ?? ''}`);
  },
};

function missing(command: string, path: string): Ended {
  return fails(1, `${command}: ${path}: No such file or directory`);
}

function link(command: string, { memory }: Dom0Context, from: string, to: string, existing: 'replace' | 'refuse'): Ended | undefined {
  const node = readNode(memory, from);
  if (node === undefined) return missing(command, from);
  if (existing === 'refuse' && exists(memory, to)) return fails(1, `${command}: failed to create hard link '${to}': File exists`);
  // A link takes no room; written through a copy of nothing, the size is not counted twice.
  const { filesystem, path, mount } = placeOf(memory, to);
  if (placeOf(memory, from).filesystem !== filesystem) return fails(1, `${command}: failed to create hard link '${to}': Invalid cross-device link`);
  if (!mount.writable) return fails(1, `${command}: ${to}: Read-only file system`);
  filesystem.files.set(path, node);
  return undefined;
}

function remove({ memory }: Dom0Context, path: string): Ended {
  const place = placeOf(memory, path);
  if (!place.mount.writable) return fails(1, `rm: cannot remove '${path}': Read-only file system`);
  place.filesystem.files.delete(place.path);
  return prints('');
}

function resize(command: string, { memory }: Dom0Context, path: string, size: number, how: 'grow' | 'set'): Ended {
  if (!Number.isSafeInteger(size) || size <= 0) throw new UsageError('invalid length value specified');
  const node = readNode(memory, path) ?? fileOf('');
  const problem = writeNode(memory, path, resized(node, how === 'grow' ? Math.max(size, node.sizeBytes) : size));
  return problem === undefined ? prints('') : fails(1, `${command}: ${path}: fallocate failed: ${problem}`);
}

/** qcow2's header: the disk's size is a big-endian number at offset 24 (qemu docs/interop/qcow2.txt). */
function qcow2Size(head: Buffer): number {
  return Number(head.readBigUInt64BE(24));
}
