/** The boot server: DHCP, TFTP, HTTP and DNS composed over one model. */

import type { PoolModel } from '../drive/model';
import type { Clock, Log, Random } from '../system';
import type { NetbootEndpoints, NetbootPorts } from './endpoints';

/** What the rest of PXEN learns from an exchange. `host` is the spec's name when the MAC is known. */
export type NetbootEvent =
  | { readonly kind: 'dhcp'; readonly mac: string; readonly host?: string; readonly client: 'bios' | 'uefi' | 'ipxe' | 'os'; readonly sentence: string }
  | { readonly kind: 'bootloader'; readonly mac: string; readonly host?: string; readonly file: string; readonly sentence: string }
  | { readonly kind: 'script'; readonly mac: string; readonly host?: string; readonly sentence: string }
  /** `file` is the image's file name; sent once when the transfer begins, at each further tenth, and at its end. Without `host` for who is none. */
  | { readonly kind: 'image'; readonly mac?: string; readonly host?: string; readonly file: string; readonly bytesSent: number; readonly bytesTotal: number; readonly sentence: string }
  | { readonly kind: 'hello'; readonly mac: string; readonly host: string; readonly hostKeys: readonly string[]; readonly address: string; readonly sentence: string }
  | { readonly kind: 'refused'; readonly mac?: string; readonly host?: string; readonly sentence: string };

/** The body of `POST /hello`, from the booted host. */
export interface HelloRequest {
  readonly mac: string;
  readonly token: string;
  /** OpenSSH public key lines, `ssh-ed25519 AAAA…`. */
  readonly hostKeys: readonly string[];
}

/** Its answer: what the host needs to let the boot server in. */
export interface HelloResponse {
  readonly hostname: string;
  readonly authorizedKeys: readonly string[];
}

/** One-time tokens, each bound to a MAC and one boot. Kept on the drive, so that a restarted backend knows them. */
export interface BootTokens {
  /** A token for this boot of the machine: the same one until it is spent. */
  issue(mac: string): Promise<string>;
  /** Spends the token and pins the keys, durably, before it resolves. False: unknown, spent, or another MAC's. */
  redeem(hello: HelloRequest): Promise<boolean>;
}

export interface BootServerOptions {
  /** Asked anew for each packet, so that an edited drive takes effect at once. */
  readonly model: () => PoolModel;
  /** Absolute path of the drive's `images` folder. */
  readonly imagesFolder: string;
  /** Name of the image to boot, normally `cluster.boot.image`. */
  readonly image: () => string;
  readonly endpoints: NetbootEndpoints;
  readonly tokens: BootTokens;
  /** Public keys that `/hello` hands out. */
  readonly authorizedKeys: () => readonly string[] | Promise<readonly string[]>;
  /** Appended to Xen's and Linux's command lines; the QEMU lab spares its slow machines so. */
  readonly extraArguments?: () => { readonly xen: string; readonly kernel: string };
  /** Absolute path of the drive's `state` folder: leases of the range, and which unknown machines were heard. */
  readonly stateFolder: string;
  /** Serve as `authoritative` although another DHCP server answers on the network. */
  readonly despiteOtherDhcp?: boolean;
  /** How long other DHCP servers have to show themselves before machines are answered; without it, long enough for those that answer at once. */
  readonly waitForOtherDhcpMs?: number;
  /** No machine is given an address or a boot file before; if it rejects, the start does as well. */
  readonly mayServe?: Promise<unknown>;
  /** Where `network.dhcp` stands on the drive as it is now, for sentences: `/drive/pxen.yaml:12`. */
  readonly placeOfDhcp?: () => Promise<string>;
  readonly onEvent: (event: NetbootEvent) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface BootServer {
  /** The ports really bound. */
  readonly ports: NetbootPorts;
  close(): Promise<void>;
}
