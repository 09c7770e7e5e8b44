/**
 * What a machine that isn't on the drive is answered. Nothing, unless the drive has a range for such machines: then an
 * address for a time, and a boot loader that leads to the menu. Never an image. Pure.
 */

import type { AddressRangeModel } from '../../drive/model';
import { addressOf, OPTION } from '../dhcp/options';
import { ANY_ADDRESS, inSubnet, parseSubnet } from '../ipv4';
import { ARCHITECTURE_WORDS } from './client';
import { silence, type DhcpAnswer, type Exchange } from './exchange';
import { addressFor, AVOIDED_MS, inRange, isFreeFor, OFFER_HELD_MS, sizeOf, type Leases } from './leases';
import { leaseReply, proxyReply, refusal } from './replies';

export function answerStranger(exchange: Exchange): DhcpAnswer {
  const { model, request, facts, client, name, type } = exchange;
  const { range, subnet } = model.cluster.network;
  if (range === undefined) {
    const boots = client.kind === 'os' ? 'asked for an address' : `wants to boot (${ARCHITECTURE_WORDS[client.architecture]})`;
    return silence(client.kind === 'os' ? 'quiet' : 'notable', `${name} ${boots}, but no host on the drive has this MAC: not answered`, exchange);
  }
  if (facts.port === 'pxe') {
    return type === 'request' || type === 'inform' ? proxyReply(exchange, 'ack') : silence('quiet', `${name} sent a ${type} to port 4011, where only requests are answered`, exchange);
  }
  if (request.relayAddress !== ANY_ADDRESS && !inSubnet(request.relayAddress, parseSubnet(subnet))) {
    return silence('notable', `${name} asked for an address through the relay ${request.relayAddress}; the range is for ${subnet} only: not answered`, exchange);
  }
  return lend(exchange, range);
}

/** RFC 2131 §4.3, for addresses that are lent. */
function lend(exchange: Exchange, range: AddressRangeModel): DhcpAnswer {
  const { request, facts, client, name, type } = exchange;
  const { leases, nowMs } = facts.lending ?? { leases: NOTHING_LENT, nowMs: 0 };
  const held = leases.ofMac(client.mac);
  switch (type) {
    case 'discover': {
      const wished = addressOf(request.options, OPTION.requestedAddress);
      const address = addressFor(range, leases, client.mac, nowMs, wished);
      if (address === undefined) return silence('notable', `${name} asked for an address, but all ${sizeOf(range)} of the range from ${range.from} to ${range.to} are lent or in use: widen network.range in pxen.yaml, or shorten its lease`, exchange);
      const isNew = held?.address !== address || held.untilMs <= nowMs;
      // An offer must not shorten what the machine holds already.
      const untilMs = Math.max(nowMs + OFFER_HELD_MS, isNew ? 0 : held.untilMs);
      const state = !isNew && held.state === 'lent' ? 'lent' : 'offered';
      return { ...leaseReply(exchange, 'offer', { address, seconds: secondsOf(range) }), lease: { state, address, mac: client.mac, untilMs, isNew } };
    }
    case 'request':
      return answerRequest(exchange, range, leases, nowMs);
    case 'inform':
      return leaseReply(exchange, 'ack', 'settings-only');
    case 'decline': {
      const disputed = addressOf(request.options, OPTION.requestedAddress);
      // Only whoever has an address may call it taken: or one machine could make the whole range unusable.
      if (disputed === undefined || held?.address !== disputed) return silence('quiet', `${name} declined an address that it didn't have`, exchange);
      const lease = { state: 'avoided', address: disputed, mac: client.mac, untilMs: nowMs + AVOIDED_MS } as const;
      return { ...silence('notable', `${name} found ${disputed} of the range in use by another machine: it is not lent for an hour`, exchange), lease, disputed };
    }
    case 'release': {
      const isHeld = held?.state === 'lent' && held.address === request.clientAddress;
      return { ...silence('quiet', `${name} gave back ${request.clientAddress}`, exchange), ...(isHeld && { lease: { state: 'free', address: held.address, mac: client.mac } as const }) };
    }
    case 'offer':
    case 'ack':
    case 'nak':
      return silence('quiet', `a message of type ${type} came to ${facts.address} as if from a client`, exchange);
  }
}

/**
 * An address of the range that nobody else holds is confirmed even when it isn't known to be lent: the record may be on a
 * drive that was lost, and the machine works with that address.
 */
function answerRequest(exchange: Exchange, range: AddressRangeModel, leases: Leases, nowMs: number): DhcpAnswer {
  const { request, facts, client, name } = exchange;
  const held = leases.ofMac(client.mac);
  const holds = held !== undefined && held.untilMs > nowMs && held.state !== 'avoided';
  const server = addressOf(request.options, OPTION.serverIdentifier);
  if (server !== undefined && server !== facts.address) {
    const offered = held?.state === 'offered' ? ({ lease: { state: 'free', address: held.address, mac: client.mac } } as const) : {};
    return { ...silence('quiet', `${name} took the offer of another DHCP server, ${server}`, exchange), ...offered };
  }
  const wanted = addressOf(request.options, OPTION.requestedAddress) ?? request.clientAddress;
  if (wanted === ANY_ADDRESS) return silence('quiet', `${name} requested no address`, exchange);
  const isTheirs = inRange(range, wanted) && isFreeFor(leases.ofAddress(wanted), client.mac, nowMs) && (!holds || held.address === wanted);
  if (!isTheirs) return refusal(exchange, `${name} requested ${wanted} and was refused: ${inRange(range, wanted) ? 'another machine has it, or it has another' : 'it is not of the range'}`, `${wanted} is not yours; ask again`);
  const lease = { state: 'lent', address: wanted, mac: client.mac, untilMs: nowMs + range.leaseMs, isNew: !holds } as const;
  return { ...leaseReply(exchange, 'ack', { address: wanted, seconds: secondsOf(range) }), lease };
}

const NOTHING_LENT: Leases = { ofMac: () => undefined, ofAddress: () => undefined };

/** The largest number means "for ever" (RFC 2131 §3.3), which nothing of the range is. */
function secondsOf({ leaseMs }: AddressRangeModel): number {
  return Math.min(Math.round(leaseMs / 1000), 0xfffffffe);
}
