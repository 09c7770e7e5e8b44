import { expect, it } from 'vitest';
import { damage, dhcp, dns, tftp } from '../netboot/mutation';

const PACKETS = 1_000_000;

it.each([['DHCP', dhcp], ['TFTP', tftp], ['DNS', dns]] as const)('a million damaged %s packets raise no exception, are each done with at once, and leave nothing behind', async (_, protocol) => {
  const { slowestMs, slowest, slowOnce, growth, hardlyReached } = await damage(await protocol(), PACKETS);
  expect(slowestMs, `for ${slowest.toString('hex')}`).toBeLessThan(5);
  // The engine compiles and collects now and then.
  expect(slowOnce).toBeLessThan(PACKETS / 3000);
  expect(hardlyReached).toEqual([]);
  expect(growth).toBeLessThan(4 << 20);
});
