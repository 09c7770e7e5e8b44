/** IPv4 addresses as numbers. The schema has checked the forms: four decimal bytes, and a length from 8 to 30. */

export function parseSubnet(cidr: string) {
  const [address = '', length = ''] = cidr.split('/');
  const prefixLength = Number(length);
  const size = 2 ** (32 - prefixLength);
  const network = Math.floor(parseAddress(address) / size) * size;
  return { address, prefixLength, network, broadcast: network + size - 1 };
}

export function parseAddress(address: string): number {
  return address.split('.').reduce((value, byte) => value * 256 + Number(byte), 0);
}

export function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
