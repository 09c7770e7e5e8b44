import { describe, expect, test } from 'vitest';
import { deriveNicMac, deriveVmUuid, randomUuid } from '../../src/backend/drive/identity';

const DRIVE = '8f0e8a52-6c1d-4a6b-9f0b-3f4c0d2e7a11';

describe('What follows from the drive and a name', () => {
  test("A UUID is version 5 of RFC 9562: the appendix's example comes out", () => {
    expect(deriveVmUuid('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com')).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
  });

  test('A VM has its UUID and MAC addresses for ever', () => {
    // A change of these values would make every VM of every drive another machine.
    expect(deriveVmUuid(DRIVE, 'db1')).toMatchInlineSnapshot(`"96491864-5c9d-5357-8ca6-68fdd48d5028"`);
    expect([0, 1].map((index) => deriveNicMac(DRIVE, 'db1', index))).toMatchInlineSnapshot(`
      [
        "00:16:3e:85:d7:93",
        "00:16:3e:b9:42:66",
      ]
    `);
  });

  test('Two drives, VMs or network cards differ', () => {
    const other = '8f0e8a52-6c1d-4a6b-9f0b-3f4c0d2e7a12';
    expect(new Set([deriveVmUuid(DRIVE, 'db1'), deriveVmUuid(DRIVE, 'db2'), deriveVmUuid(other, 'db1')]).size).toBe(3);
    expect(new Set([deriveNicMac(DRIVE, 'db1', 0), deriveNicMac(DRIVE, 'db1', 1), deriveNicMac(DRIVE, 'db11', 0), deriveNicMac(other, 'db1', 0)]).size).toBe(4);
    expect(deriveNicMac(DRIVE, 'db1', 0)).toMatch(/^00:16:3e(:[0-9a-f]{2}){3}$/);
  });

  test("A drive's id must be a UUID", () => {
    expect(() => deriveVmUuid('homelab', 'db1')).toThrow('"homelab" isn\'t a UUID');
  });

  test('A random UUID says that it is one', () => {
    expect(randomUuid((size) => Buffer.alloc(size, 0xff))).toBe('ffffffff-ffff-4fff-bfff-ffffffffffff');
  });
});
