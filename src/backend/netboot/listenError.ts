/** Why the boot server can't listen, in words; one factory for each cause. */

import type { PortOwner, Transport } from './portOwner';

/** The message says where, why, and what to do. `code` is there where the window has something of its own to offer. */
export class ListenError extends Error {
  override readonly name = 'ListenError';

  constructor(
    message: string,
    readonly code?: 'elevation-dismissed' | 'elevation-refused',
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What couldn't be opened; `service` as people call it. */
export interface WhatListens {
  readonly service: string;
  readonly transport: Transport;
  readonly address: string;
  readonly port: number;
}

export function portTaken(what: WhatListens, owner: PortOwner | undefined, cause: unknown): ListenError {
  const { transport, port } = what;
  const [who, remedy] = owner
    ? [`taken by ${owner.name} (pid ${owner.pid})`, 'Stop that process, then try again.']
    : ['taken by another process', `\`sudo ss --${transport} --listening --numeric --processes 'sport = ${port}'\` shows which; stop it, then try again.`];
  return new ListenError(`${what.service} needs ${whereOf(what)}, which is ${who}. ${remedy}`, undefined, { cause });
}

export function portKeptForRoot(what: WhatListens, cause: unknown): ListenError {
  return new ListenError(`${what.service} needs ${whereOf(what)}, and ports below 1024 need privileges here. Run pxen in a terminal, where it can ask through sudo, or as root.`, undefined, { cause });
}

export function addressNotHere({ service, address }: WhatListens, cause: unknown): ListenError {
  return new ListenError(
    `${service} can't listen on ${address}: no interface of this machine has this address. Give it to one (\`ip address add\`), or correct network.server in pxen.yaml.`,
    undefined,
    { cause },
  );
}

export function cantListen(what: WhatListens, cause: unknown): ListenError {
  return new ListenError(`${what.service} can't listen on ${whereOf(what)}: ${cause instanceof Error ? cause.message : String(cause)}`, undefined, { cause });
}

export function rootDismissed(): ListenError {
  return new ListenError('Without the password no machine can be booted: DHCP, TFTP, HTTP and DNS need ports that Linux keeps for root.', 'elevation-dismissed');
}

/** `why` completes a sentence, for instance "there is no pkexec here". */
export function rootRefused(why: string, remedy = 'Run it in a terminal, where sudo can ask for the password.'): ListenError {
  return new ListenError(`Linux keeps the ports of DHCP, TFTP, HTTP and DNS for root, and they were not given: ${why}. ${remedy}`, 'elevation-refused');
}

function whereOf({ transport, address, port }: WhatListens): string {
  return `${transport.toUpperCase()} port ${port} on ${address}`;
}
