import { expect, it } from 'vitest';
import { damage, dhcp, dns, tftp } from './mutation';

/** A million each are sent by `npm run test:clients`. */
const PACKETS = 30_000;

it.each([['DHCP', dhcp], ['TFTP', tftp], ['DNS', dns]] as const)(`${PACKETS.toLocaleString('en')} damaged %s packets raise no exception, are each done with at once, and leave nothing behind`, async (_, protocol) => {
  const { slowestMs, slowest, slowOnce, growth, hardlyReached } = await damage(await protocol(), PACKETS);
  expect(slowestMs, `for ${slowest.toString('hex')}`).toBeLessThan(5);
  // The engine compiles and collects now and then.
  expect(slowOnce).toBeLessThan(PACKETS / 3000);
  expect(hardlyReached).toEqual([]);
  expect(growth).toBeLessThan(4 << 20);
});
