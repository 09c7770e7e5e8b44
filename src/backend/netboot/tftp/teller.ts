/** TFTP transfers in words: who fetched what, and who didn't and why. Within limits: anybody can ask for any name, in anybody's. */

import type { PoolModel } from '../../drive/model';
import type { Clock, Log } from '../../system';
import { createAllowance } from '../allowance';
import { hostOfAddress, hostOfMac, nameOfHost } from '../answers/facts';
import { printable } from '../printable';
import type { NetbootEvent } from '../server';
import type { TftpEvent } from './sessions';

export interface TftpTellerOptions {
  readonly model: () => PoolModel;
  readonly onEvent: (event: NetbootEvent) => void;
  readonly log: Log;
  readonly clock: Clock;
  /** Whether a sentence wasn't told a moment ago. */
  readonly firstTime: (sentence: string) => boolean;
}

/** In a burst, and then each second, for all hosts together and for all others: a host's whole downloads are always told. */
const HOSTS_TOLD = { burst: 512, perSecond: 16 };
const OTHERS_TOLD = { burst: 64, perSecond: 1 };

export function createTftpTeller({ model, onEvent, log, clock, firstTime }: TftpTellerOptions): (event: TftpEvent) => void {
  const mayTellOfHost = createAllowance(clock, HOSTS_TOLD.burst, HOSTS_TOLD.perSecond);
  const mayTellOfOther = createAllowance(clock, OTHERS_TOLD.burst, OTHERS_TOLD.perSecond);
  return (event) => {
    const { outcome, file, resent, client } = event;
    const { host, mac } = machineOf(event, model());
    const who = host === undefined || mac === undefined ? (mac ?? client.address) : nameOfHost(host, mac);
    const mayTell = () => {
      if (host === undefined ? mayTellOfOther() : mayTellOfHost()) return true;
      const many = 'Very many TFTP requests come in: not each of them is told of';
      if (firstTime(many)) log('warn', many);
      return false;
    };
    switch (outcome.kind) {
      case 'sent': {
        const sentence = `${who} fetched ${file} over TFTP (${outcome.bytes} bytes${resent > 0 ? `, ${resent} packets sent again` : ''})`;
        if (host !== undefined || mayTell()) {
          if (mac === undefined) log('info', sentence);
          else onEvent({ kind: 'bootloader', mac, ...(host && { host: host.name }), file, sentence });
        }
        return;
      }
      case 'only-asked':
        if (mayTell()) log('debug', `${who} asked for the size of ${file} over TFTP`);
        return;
      case 'unknown-file':
        // Newer iPXE looks for autoexec.ipxe before anything else: that there is none is the right answer.
        if (mayTell()) log('debug', `${who} asked over TFTP for ${printable(file)}, which isn't served`);
        return;
      case 'refused':
      case 'failed':
        // Whatever file is named: the sender thinks of it.
        if (firstTime(`${who} ${outcome.reason}`) && mayTell()) {
          onEvent({ kind: 'refused', ...(mac !== undefined && { mac }), ...(host && { host: host.name }), sentence: `${who} didn't get ${printable(file)} over TFTP: ${outcome.reason}` });
        }
    }
  };
}

/** The MAC is in the file's name when our DHCP gave it out; else the address may be a host's. */
function machineOf({ mac, client }: TftpEvent, model: PoolModel) {
  if (mac !== undefined) return { mac, host: hostOfMac(model, mac) };
  const host = hostOfAddress(model, client.address);
  return { mac: host?.macs[0], host };
}
