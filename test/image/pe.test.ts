import { describe, expect, it } from 'vitest';
import { setPeDate } from '../../src/backend/image/pe';

describe("a PE file's header", () => {
  const header = () => {
    const bytes = Buffer.alloc(1024, 0xaa);
    bytes.writeUInt32LE(0x80, 0x3c);
    bytes.write('PE\0\0', 0x80, 'latin1');
    return bytes;
  };

  it('gets its date, loses its checksum, and keeps the rest', () => {
    const bytes = header();
    setPeDate(bytes, 0x01020304);
    const expected = header();
    Buffer.from([4, 3, 2, 1]).copy(expected, 0x88);
    Buffer.alloc(4).copy(expected, 0xd8);
    expect(bytes).toEqual(expected);
  });

  it.each([Buffer.alloc(0), Buffer.alloc(1024), Buffer.from('#!/bin/sh\n')])('is missed in another file', (bytes) => {
    expect(() => setPeDate(bytes, 0)).toThrow('not a PE file');
  });
});
