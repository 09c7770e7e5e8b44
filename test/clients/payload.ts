/**
 * A kernel of a few dozen bytes in the place of Xen: it writes its command line and those of its modules to the first
 * serial port, one a line, and halts. Multiboot specification 0.6.96, with the address fields for a file that isn't ELF.
 */

const LOAD_ADDRESS = 0x100000;
const HEADER_BYTES = 32;
const MAGIC = 0x1badb002;
/** Modules on page boundaries, memory information, address fields. */
const FLAGS = 0x10003;

// prettier-ignore
const CODE = Buffer.from([
  0xbc, 0x00, 0x00, 0x20, 0x00,       // mov esp, 0x200000
  0x8b, 0x73, 0x10,                   // mov esi, [ebx+16]   command line
  0xe8, 0x19, 0x00, 0x00, 0x00,       // call print
  0x8b, 0x4b, 0x14,                   // mov ecx, [ebx+20]   number of modules
  0x8b, 0x7b, 0x18,                   // mov edi, [ebx+24]   modules
  0xe3, 0x0e,                         // next: jecxz done
  0x8b, 0x77, 0x08,                   // mov esi, [edi+8]    its command line
  0xe8, 0x09, 0x00, 0x00, 0x00,       // call print
  0x83, 0xc7, 0x10,                   // add edi, 16
  0x49,                               // dec ecx
  0xeb, 0xf0,                         // jmp next
  0xf4,                               // done: hlt
  0xeb, 0xfd,                         // jmp done
  0x66, 0xba, 0xf8, 0x03,             // print: mov dx, 0x3f8
  0xac,                               // character: lodsb
  0x84, 0xc0,                         // test al, al
  0x74, 0x03,                         // jz line_end
  0xee,                               // out dx, al
  0xeb, 0xf8,                         // jmp character
  0xb0, 0x0a,                         // line_end: mov al, '\n'
  0xee,                               // out dx, al
  0xc3,                               // ret
]);

export function multibootPayload(): Buffer {
  const end = LOAD_ADDRESS + HEADER_BYTES + CODE.length;
  const checksum = (0x1_0000_0000 - ((MAGIC + FLAGS) >>> 0)) >>> 0;
  const header = Buffer.alloc(HEADER_BYTES);
  [MAGIC, FLAGS, checksum, LOAD_ADDRESS, LOAD_ADDRESS, end, end, LOAD_ADDRESS + HEADER_BYTES].forEach((value, index) => header.writeUInt32LE(value, index * 4));
  return Buffer.concat([header, CODE]);
}
