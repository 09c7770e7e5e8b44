import dgram from 'node:dgram';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { decodeMagicPacket, encodeMagicPacket } from '../../src/backend/power/magicPacket';
import { WakeError, wakeHost, wakeTargets } from '../../src/backend/power/wake';
import { wakeAll } from '../../src/backend/power/waves';
import { systemClock } from '../../src/backend/system';
import { aHost } from '../pool/models';
import { VirtualClock } from '../pool/virtualClock';
import { pool } from './clients';

const nodeWol = createRequire(import.meta.url)('node-wol') as { readonly createMagicPacket: (mac: string) => Buffer };
const mac = fc.uint8Array({ minLength: 6, maxLength: 6 }).map((bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':'));

const silent = () => undefined;

describe('the magic packet', () => {
  it('is the one node-wol makes', () => {
    fc.assert(fc.property(mac, (address) => {
      expect(encodeMagicPacket(address).equals(nodeWol.createMagicPacket(address))).toBe(true);
    }));
  });

  it.each([
    ['00:11:22:33:44:55', '00:11:22:33:44:55'],
    ['192.168.0.1', 'c0:a8:00:01'],
  ])('carries the SecureOn password %s', (password, bytes) => {
    expect(decodeMagicPacket(encodeMagicPacket('52:54:00:aa:00:01', password))).toEqual({ mac: '52:54:00:aa:00:01', password: bytes });
  });

  it('is found anywhere in a datagram, and nowhere in others', () => {
    fc.assert(fc.property(mac.filter((address) => !address.startsWith('ff')), fc.uint8Array({ maxLength: 20 }), (address, before) => {
      expect(decodeMagicPacket(Buffer.concat([before, encodeMagicPacket(address)]))?.mac).toBe(address);
      expect(decodeMagicPacket(Buffer.concat([before, encodeMagicPacket(address).subarray(0, 101)]))).toBeUndefined();
    }));
  });

  it.each(['52:54:00:aa:00', '52:54:00:aa:00:zz', ''])('is refused for the MAC "%s"', (address) => {
    expect(() => encodeMagicPacket(address)).toThrow(/not a MAC/);
  });
});

describe('waking a host', () => {
  it('sends the packet three times to every target, from the address it was told', async () => {
    const listener = dgram.createSocket('udp4');
    onTestFinished(() => void listener.close());
    await new Promise<void>((resolve) => listener.bind(0, '127.0.0.1', resolve));
    const woken: (string | undefined)[] = [];
    const three = new Promise<void>((resolve) => listener.on('message', (bytes, source) => {
      woken.push(`${decodeMagicPacket(bytes)?.mac ?? '?'} from ${source.address}`);
      if (woken.length === 3) resolve();
    }));
    await wakeHost({ host: aHost('node1'), from: '127.0.0.1', to: [{ address: '127.0.0.1', port: listener.address().port }], clock: systemClock, log: silent });
    await three;
    expect(woken).toEqual(Array(3).fill('52:54:00:aa:00:01 from 127.0.0.1'));
  });

  it('goes to the subnet’s broadcast and the limited one, or where the spec says', () => {
    const { network } = pool().cluster;
    expect(wakeTargets(aHost('node1'), network)).toEqual([{ address: '10.77.0.255', port: 9 }, { address: '255.255.255.255', port: 9 }]);
    expect(wakeTargets({ ...aHost('node1'), wake: { method: 'wol', broadcast: '10.88.0.255', port: 7 } }, network)).toEqual([{ address: '10.88.0.255', port: 7 }]);
  });

  it.each([
    { method: 'command', on: 'rm -rf /' },
    { method: 'ipmi', address: '10.0.0.1' },
    { method: 'redfish', address: '10.0.0.1' },
  ] as const)('by $method is said to be unsupported, and nothing is run', async (wake) => {
    await expect(wakeHost({ host: { ...aHost('node1'), wake }, from: '127.0.0.1', to: [], clock: systemClock, log: silent })).rejects.toThrow(`node1 can't be switched on by PXEN: wake method "${wake.method}" is not supported`);
  });

  it('from an address this machine doesn’t have is an error in words', async () => {
    await expect(wakeHost({ host: aHost('node1'), from: '192.0.2.77', to: [{ address: '127.0.0.1', port: 9 }], clock: systemClock, log: silent })).rejects.toThrow(/node1: magic packets can't be sent from 192\.0\.2\.77.*Does an interface/);
  });

  it('that no target can be reached is an error in words', async () => {
    await expect(wakeHost({ host: aHost('node1'), from: '127.0.0.1', to: [{ address: '203.0.113.1', port: 9 }], clock: systemClock, log: silent })).rejects.toThrow(/no magic packet could be sent/);
  });

  it('warns of a target that none could be sent to while another was reached, once', async () => {
    const told: string[] = [];
    await wakeHost({ host: aHost('node1'), from: '127.0.0.1', to: [{ address: '127.0.0.1', port: 9 }, { address: '203.0.113.1', port: 9 }], clock: systemClock, log: (level, sentence) => told.push(`${level}: ${sentence}`) });
    expect(told).toEqual([expect.stringMatching(/^warn: node1: magic packets left 127\.0\.0\.1 for 127\.0\.0\.1 only; 203\.0\.113\.1: send E[A-Z]+ /)]);
  });
});

describe('waking several hosts', () => {
  const hosts = ['node1', 'node2', 'node3'].map((name) => aHost(name));

  it('goes on after a host that could not be woken, and fails in the end with what is to be said of each', async () => {
    const clock = new VirtualClock();
    const tried: string[] = [];
    const wake = ({ name }: { readonly name: string }) => {
      tried.push(name);
      return name === 'node2' ? Promise.resolve() : Promise.reject(new WakeError(`${name}: no.`));
    };
    const waking = wakeAll({ hosts, waves: { wakeAtOnce: 1, wakePauseMs: 1_000 }, wake, clock, signal: new AbortController().signal });
    await expect(clock.runUntil(waking)).rejects.toThrow(new WakeError('node1: no. node3: no.'));
    expect(tried).toEqual(['node1', 'node2', 'node3']);
  });

  it('is given up with the reason of its signal', async () => {
    const clock = new VirtualClock();
    const abort = new AbortController();
    const tried: string[] = [];
    clock.after(1_500, () => abort.abort(new Error('the window was closed')));
    const wake = ({ name }: { readonly name: string }) => Promise.resolve(void tried.push(name));
    const waking = wakeAll({ hosts, waves: { wakeAtOnce: 1, wakePauseMs: 1_000 }, wake, clock, signal: abort.signal });
    await expect(clock.runUntil(waking)).rejects.toThrow('the window was closed');
    expect(tried).toEqual(['node1', 'node2']);
  });
});
