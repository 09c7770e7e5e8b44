/** What iPXE shows on a machine that isn't on the drive. Pure. */

import type { PoolModel } from '../../drive/model';
import { bootScriptPath } from './bootScript';
import { httpBase, type ServerFacts } from './facts';

const SECONDS = 15;

/**
 * A menu that says so, shows the MAC, and goes on to the machine's own disk by itself: the machine may be anybody's. It never
 * leads to an image; asking again helps once the machine is on the drive.
 *
 * On its own disk a BIOS machine is started by `sanboot` of its first drive, since many a BIOS tries no other device after
 * the network. UEFI goes on to its next boot entry after an application that ended with an error (UEFI 2.10, §3.1.1).
 */
export function unknownMachineScript(model: PoolModel, mac: string, facts: Pick<ServerFacts, 'address' | 'httpPort'>): string {
  const pool = model.cluster.name;
  return `#!ipxe
# ${mac} is unknown to pool ${pool}

echo PXEN: this machine, ${mac}, is unknown to pool ${pool}: no host on its drive has this MAC
imgfree
:menu
menu PXEN: this machine is unknown to pool ${pool}
item --gap No host on the drive has the MAC ${mac}
item local Boot from this machine's own disk (by itself after ${SECONDS} seconds)
item again Ask again (once the machine is on the drive)
choose --default local --timeout ${SECONDS * 1000} target && goto \${target} || goto local

:again
chain --replace ${httpBase(facts)}${bootScriptPath(mac)} || goto menu

:local
echo PXEN: booting from the machine's own disk
iseq \${platform} efi && exit 1 || sanboot --no-describe --drive 0x80 || exit 1
`;
}
