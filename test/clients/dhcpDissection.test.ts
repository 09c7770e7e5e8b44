/** tshark reads what every kind of client asks and is answered as the drive, and the client, meant it. */

import { describe, expect, it } from 'vitest';
import { answerDhcp, type DhcpFacts } from '../../src/backend/netboot/answers/dhcp';
import { EMPTY_REQUEST, encodeDhcp, type DhcpMessage } from '../../src/backend/netboot/dhcp/codec';
import { OPTION, textOf, type MessageType } from '../../src/backend/netboot/dhcp/options';
import { address, CLIENTS, MAC, pool, request } from '../netboot/clients';
import { dissected } from './dissect';

const SERVER = '10.77.0.1';
const RELAY = '10.77.0.200';
const URL_BASE = `http://${SERVER}`;
const BY_TFTP = '52-54-00-aa-00-01';
const BOOT_FILES: Readonly<Record<keyof typeof CLIENTS, string>> = {
  bios: `${BY_TFTP}/undionly.kpxe`,
  uefi: `${BY_TFTP}/snponly.efi`,
  'uefi-9': `${BY_TFTP}/snponly.efi`,
  'uefi-http': `${URL_BASE}/images/dom0-1/snponly.efi?mac=${MAC}`,
  arm64: '',
  'ipxe-bios': `${URL_BASE}/boot/${MAC}.ipxe`,
  'ipxe-uefi': `${URL_BASE}/boot/${MAC}.ipxe`,
  'ipxe-without-multiboot': `${BY_TFTP}/undionly.kpxe`,
  linux: '',
};

/** Of every client, so that each option is in some message: a relay's circuit and remote id, a network interface of UNDI 3.16, a UUID, a MAC. */
const ALONG = [
  [OPTION.clientNetworkInterface, Buffer.of(1, 3, 16)],
  [OPTION.clientUuid, Buffer.from('0033221100554477668899aabbccddeeff', 'hex')],
  [OPTION.clientIdentifier, Buffer.from('01525400aa0001', 'hex')],
  [OPTION.maximumMessageSize, Buffer.of(0x05, 0x78)],
  [OPTION.relayAgentInformation, Buffer.from('0104657468300206abcdef010203', 'hex')],
] as const;
const UUID = '00112233-4455-6677-8899-aabbccddeeff';

interface Exchange {
  readonly client: keyof typeof CLIENTS;
  readonly asked: DhcpMessage;
  readonly reply: DhcpMessage | undefined;
  readonly isProxys: boolean;
}

const facts: DhcpFacts = { address: SERVER, httpPort: 80, image: 'dom0-1', port: 'dhcp' };
const selected = (wanted: string) => [[OPTION.requestedAddress, address(wanted)], [OPTION.serverIdentifier, address(SERVER)]] as const;

/** As a client asks from the offer to its end, and the answers there are. */
function exchangesOf(client: keyof typeof CLIENTS): readonly Exchange[] {
  const exchange = (type: MessageType, more: readonly (readonly [number, Buffer])[], { clientAddress = '0.0.0.0', proxyPort }: { readonly clientAddress?: string; readonly proxyPort?: DhcpFacts['port'] } = {}): Exchange => {
    const asked = request({ type, options: [...CLIENTS[client], ...more, ...ALONG], fields: { clientAddress, relayAddress: RELAY, hops: 1 } });
    const answer = answerDhcp(pool(proxyPort ? 'proxy' : 'authoritative'), asked, { ...facts, port: proxyPort ?? 'dhcp' });
    return { client, asked, reply: answer.kind === 'reply' ? answer.message : undefined, isProxys: proxyPort !== undefined };
  };
  return [
    exchange('discover', []),
    exchange('request', selected('10.77.0.11')),
    exchange('request', selected('192.168.1.5')),
    exchange('inform', [], { clientAddress: '10.77.0.11' }),
    exchange('discover', [], { proxyPort: 'dhcp' }),
    exchange('request', [], { clientAddress: '10.77.0.99', proxyPort: 'pxe' }),
  ];
}

const exchanges = (Object.keys(CLIENTS) as (keyof typeof CLIENTS)[]).flatMap(exchangesOf);
const optionNumber = (type: number | undefined) => String(type ?? 0);

/** Where tshark shows an option, and what of. */
type Reading = readonly [code: number, field: string, text: string];

describe('the replies', () => {
  const { network } = pool().cluster;
  const readings = ({ client, reply = EMPTY_REQUEST, isProxys }: Exchange): readonly Reading[] => [
    [1, 'dhcp.option.subnet_mask', '255.255.255.0'],
    [3, 'dhcp.option.router', network.gateway ?? ''],
    [6, 'dhcp.option.domain_name_server', network.nameservers.join('|')],
    [12, 'dhcp.option.hostname', 'node1'],
    [15, 'dhcp.option.domain_name', network.domain],
    [28, 'dhcp.option.broadcast_address', '10.77.0.255'],
    [43, 'dhcp.option.vendor.pxeclient.suboption', '6'],
    [43, 'dhcp.option.vendor.pxeclient.discovery_control', '0x08'],
    [43, 'dhcp.option.vendor.pxeclient.end', '255'],
    [51, 'dhcp.option.ip_address_lease_time', String(2 ** 32 - 1)],
    [53, 'dhcp.option.dhcp', optionNumber(reply.options.get(OPTION.messageType)?.at(0))],
    [54, 'dhcp.option.dhcp_server_id', SERVER],
    [56, 'dhcp.option.message', '192.168.1.5 is not yours; ask again'],
    [60, 'dhcp.option.vendor_class_id', client === 'uefi-http' ? 'HTTPClient' : isProxys ? 'PXEClient' : 'none'],
    [66, 'dhcp.option.tftp_server_name', SERVER],
    [67, 'dhcp.option.bootfile_name', BOOT_FILES[client]],
    [82, 'dhcp.option.agent_information_option.agent_circuit_id', Buffer.from('eth0').toString('hex')],
    [82, 'dhcp.option.agent_information_option.agent_remote_id', 'abcdef010203'],
    [97, 'dhcp.client_id.uuid', UUID],
  ];
  // Of these it knows no more than their octets.
  const plain = new Map([[175, 'b00101'], [61, '01525400aa0001']]);

  it('of the server, a proxy and the boot service to every client', async () => {
    const answered = exchanges.flatMap((exchange) => (exchange.reply ? [{ ...exchange, reply: exchange.reply }] : []));
    const fields = readings(exchanges[0]!).map(([, field]) => field);
    const fixed = ['dhcp.type', 'dhcp.id', 'dhcp.hops', 'dhcp.ip.client', 'dhcp.ip.your', 'dhcp.ip.server', 'dhcp.ip.relay', 'dhcp.hw.mac_addr', 'dhcp.file', 'dhcp.server'];
    const lines = await dissected(answered.map(({ reply }) => encodeDhcp(reply, 1400).bytes), { from: 67, to: 68 }, [...fixed, ...fields, 'dhcp.option.type', 'dhcp.option.value']);
    const expected = answered.map((exchange) => {
      const { client, asked, reply, isProxys } = exchange;
      const type = reply.options.get(OPTION.messageType)?.at(0);
      const isRefused = type === 6;
      const hasLease = !isProxys && !isRefused && asked.clientAddress === '0.0.0.0';
      const isAcknowledged = type === 5;
      return [
        '', '2', '0x1234abcd', '0', isAcknowledged ? asked.clientAddress : '0.0.0.0', hasLease ? '10.77.0.11' : '0.0.0.0', isRefused ? '0.0.0.0' : SERVER, RELAY, `${MAC}|${MAC}`, isRefused ? '' : BOOT_FILES[client], '',
        ...readings(exchange).map(([code, , text]) => (reply.options.has(code) ? text : '')),
        [...reply.options.keys(), 0].join('|'),
      ];
    });
    expect(lines.map((line) => line.slice(0, -1))).toEqual(expected);
    for (const [index, { reply }] of answered.entries()) {
      const octets = (lines[index]?.at(-1) ?? '').split('|');
      for (const [code, text] of plain) if (reply.options.has(code)) expect(octets[[...reply.options.keys()].indexOf(code)], `option ${code}`).toBe(text);
    }
    // None is left out because no reply held it.
    const held = new Set(answered.flatMap(({ reply }) => [...reply.options.keys()]));
    expect([...held].sort((a, b) => a - b)).toEqual([1, 3, 6, 12, 15, 28, 43, 51, 53, 54, 56, 60, 61, 66, 67, 82, 97, 175]);
    const said = new Set(answered.map(({ reply, isProxys, asked }) => [isProxys ? 'proxy' : 'server', asked.options.get(OPTION.messageType)?.at(0), reply.options.get(OPTION.messageType)?.at(0)].join(' ')));
    // DISCOVER and OFFER, REQUEST and ACK or NAK, INFORM and ACK.
    expect(said).toEqual(new Set(['server 1 2', 'server 3 5', 'server 3 6', 'server 8 5', 'proxy 1 2', 'proxy 3 5']));
  });
});

describe('the requests', () => {
  it('of every client', async () => {
    const readings = ({ asked: { options } }: Exchange): readonly Reading[] => {
      const vendorClass = textOf(options, OPTION.vendorClass) ?? '';
      // It is told twice, in words and by number.
      const architecture = /:Arch:0*(\d+):/.exec(vendorClass)?.[1];
      return [
        [50, 'dhcp.option.requested_ip_address', options.get(OPTION.requestedAddress)?.join('.') ?? ''],
        [53, 'dhcp.option.dhcp', optionNumber(options.get(OPTION.messageType)?.at(0))],
        [54, 'dhcp.option.dhcp_server_id', SERVER],
        [55, 'dhcp.option.request_list_item', [...(options.get(OPTION.parameterRequestList) ?? [])].join('|')],
        [57, 'dhcp.option.dhcp_max_message_size', '1400'],
        [60, 'dhcp.option.vendor_class_id', vendorClass],
        [77, 'dhcp.option.user_class.text', 'iPXE'],
        [82, 'dhcp.option.agent_information_option.agent_circuit_id', Buffer.from('eth0').toString('hex')],
        [93, 'dhcp.option.client_system_architecture', architecture ?? ''],
        [94, 'dhcp.client_network_id_major', '3'],
        [94, 'dhcp.client_network_id_minor', '16'],
        [97, 'dhcp.client_id.uuid', UUID],
      ];
    };
    const fields = readings(exchanges[0]!).map(([, field]) => field);
    const lines = await dissected(exchanges.map(({ asked }) => encodeDhcp(asked, 1400).bytes), { from: 68, to: 67 }, ['dhcp.type', 'dhcp.hops', 'dhcp.ip.client', 'dhcp.ip.relay', ...fields, 'dhcp.option.type']);
    expect(lines).toEqual(exchanges.map((exchange) => {
      const { asked } = exchange;
      return ['', '1', '1', asked.clientAddress, RELAY, ...readings(exchange).map(([code, , text]) => (asked.options.has(code) ? text : '')), [...asked.options.keys(), 0].join('|')];
    }));
  });
});
