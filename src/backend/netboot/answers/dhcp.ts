/** What a DHCP request is answered, or why not: (model, request, facts) → reply or silence. Pure. */

import type { HostModel, PoolModel } from '../../drive/model';
import type { DhcpMessage } from '../dhcp/codec';
import { addressOf, INFINITE_LEASE, messageTypeOf, OPTION } from '../dhcp/options';
import { ANY_ADDRESS } from '../ipv4';
import { bootFileFor } from './bootFile';
import { describeClient } from './client';
import { silence, type DhcpAnswer, type DhcpFacts, type Exchange } from './exchange';
import { hostOfMac, nameOfHost } from './facts';
import { leaseReply, proxyReply, refusal } from './replies';
import { answerStranger } from './strangers';

export type { DhcpAnswer, DhcpFacts } from './exchange';

export function answerDhcp(model: PoolModel, request: DhcpMessage, facts: DhcpFacts): DhcpAnswer {
  if (request.op !== 'request') return silence('quiet', 'a DHCP reply of another server was heard; it needs no answer');
  const type = messageTypeOf(request.options);
  if (type === undefined) return silence('quiet', `${request.hardwareAddress} asked by plain BOOTP, which PXEN doesn't answer`);
  const client = describeClient(request);
  if (!client) return silence('quiet', `a request with the hardware address "${request.hardwareAddress}" is not from Ethernet`);
  const { dhcp, menuForUnknown } = model.cluster.network;
  const host = hostOfMac(model, client.mac);
  const boots = host !== undefined || menuForUnknown === true;
  const exchange: Exchange = {
    model,
    request,
    facts,
    type,
    client,
    host,
    name: host ? nameOfHost(host, client.mac) : client.mac,
    boot: boots ? bootFileFor(client, facts) : { kind: 'none' },
  };
  if (dhcp === 'off') return silence('quiet', `${exchange.name} asked by DHCP, which is off in pxen.yaml`, exchange);
  if (dhcp === 'proxy' && boots) return facts.port === 'pxe' ? answerPxePort(exchange) : answerAsProxy(exchange);
  if (host === undefined) return answerStranger(exchange);
  return facts.port === 'pxe' ? answerPxePort(exchange) : answerAsServer(exchange, host);
}

/** RFC 2131 §4.3: the whole table of what a server does with a client's message. */
function answerAsServer(exchange: Exchange, { address }: HostModel): DhcpAnswer {
  const { request, type, facts, name } = exchange;
  // A host lives in RAM and would lose its network with its lease: it never ends.
  const grant = { address, seconds: INFINITE_LEASE };
  switch (type) {
    case 'discover':
      return leaseReply(exchange, 'offer', grant);
    case 'request':
      return answerRequest(exchange, address);
    case 'inform':
      return leaseReply(exchange, 'ack', 'settings-only');
    case 'decline': {
      const disputed = addressOf(request.options, OPTION.requestedAddress) ?? address;
      // Who may be anybody shall not make us look for any address that they name.
      if (disputed !== address) return silence('quiet', `${name} declined ${disputed}, which isn't its address`, exchange);
      return { ...silence('notable', `${name} found its address ${disputed} in use by another machine and can't work until that one has another`, exchange), disputed };
    }
    case 'release':
      return silence('quiet', `${name} gave back ${request.clientAddress}; it stays reserved for it`, exchange);
    case 'offer':
    case 'ack':
    case 'nak':
      return silence('quiet', `a message of type ${type} came to ${facts.address} as if from a client`, exchange);
  }
}

/** RFC 2131 §4.3.2: what the client means shows in which of 54, 50 and `ciaddr` are set. */
function answerRequest(exchange: Exchange, address: string): DhcpAnswer {
  const { request, facts, name } = exchange;
  const server = addressOf(request.options, OPTION.serverIdentifier);
  if (server !== undefined && server !== facts.address) {
    return silence('notable', `${name} took the offer of another DHCP server, ${server}`, exchange);
  }
  const wanted = addressOf(request.options, OPTION.requestedAddress) ?? request.clientAddress;
  if (wanted === ANY_ADDRESS) return silence('notable', `${name} requested no address`, exchange);
  if (wanted === address) return leaseReply(exchange, 'ack', { address, seconds: INFINITE_LEASE });
  return refusal(exchange, `${name} requested ${wanted} and was refused: the drive gives it ${address}`, `${wanted} is not yours; ask again`);
}

/** Beside another DHCP server: only the boot file, and only to firmware. */
function answerAsProxy(exchange: Exchange): DhcpAnswer {
  const { type, client, name } = exchange;
  if (client.kind === 'os') return silence('quiet', `${name} asked for an address, which is the other DHCP server's business`, exchange);
  if (type !== 'discover') return silence('quiet', `${name} sent a ${type}, which is the other DHCP server's business`, exchange);
  return proxyReply(exchange, 'offer');
}

/** Port 4011, where firmware that took a proxy's offer asks for its boot file. */
function answerPxePort(exchange: Exchange): DhcpAnswer {
  const { type, client, name } = exchange;
  if (type !== 'request' && type !== 'inform') return silence('quiet', `${name} sent a ${type} to port 4011, where only requests are answered`, exchange);
  if (client.kind === 'os') return silence('quiet', `${name} asked at port 4011, but isn't PXE firmware`, exchange);
  return proxyReply(exchange, 'ack');
}
