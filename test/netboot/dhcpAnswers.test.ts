import { describe, expect, it } from 'vitest';
import { answerDhcp, type DhcpFacts } from '../../src/backend/netboot/answers/dhcp';
import { EMPTY_REQUEST } from '../../src/backend/netboot/dhcp/codec';
import { OPTION, subOptionsOf, textValue, type MessageType } from '../../src/backend/netboot/dhcp/options';
import { address, answerText, CLIENTS, pool, request, STRANGER } from './clients';

const facts: DhcpFacts = { address: '10.77.0.1', httpPort: 80, image: 'dom0-1', port: 'dhcp' };
const clients = Object.keys(CLIENTS) as (keyof typeof CLIENTS)[];

describe('each kind of client', () => {
  it.each(clients)('%s is offered and then acknowledged what it can boot', async (client) => {
    const selected = [[OPTION.requestedAddress, address('10.77.0.11')], [OPTION.serverIdentifier, address('10.77.0.1')]] as const;
    const text = [
      answerDhcp(pool(), request({ type: 'discover', options: CLIENTS[client] }), facts),
      answerDhcp(pool(), request({ type: 'request', options: [...CLIENTS[client], ...selected] }), facts),
    ].map(answerText);
    await expect(text.join('\n')).toMatchFileSnapshot(`answers/${client}.txt`);
  });

  it.each(clients)('%s gets from a proxy its boot file and no address', async (client) => {
    const options = CLIENTS[client];
    const text = [
      answerDhcp(pool('proxy'), request({ type: 'discover', options }), facts),
      answerDhcp(pool('proxy'), request({ type: 'request', options, fields: { clientAddress: '10.77.0.99' } }), { ...facts, port: 'pxe' }),
    ].map(answerText);
    await expect(text.join('\n')).toMatchFileSnapshot(`answers/proxy-${client}.txt`);
  });
});

describe('what a client means by its REQUEST (RFC 2131 §4.3.2)', () => {
  const linux = CLIENTS.linux;
  it.each([
    ['an address offered by us', [[OPTION.requestedAddress, '10.77.0.11'], [OPTION.serverIdentifier, '10.77.0.1']], '0.0.0.0', 'ack'],
    ['another address of ours', [[OPTION.requestedAddress, '10.77.0.12'], [OPTION.serverIdentifier, '10.77.0.1']], '0.0.0.0', 'nak'],
    ['the offer of another server', [[OPTION.requestedAddress, '10.77.0.77'], [OPTION.serverIdentifier, '10.77.0.2']], '0.0.0.0', 'silence'],
    ['its address after a reboot', [[OPTION.requestedAddress, '10.77.0.11']], '0.0.0.0', 'ack'],
    ['an address of another network after a reboot', [[OPTION.requestedAddress, '192.168.1.5']], '0.0.0.0', 'nak'],
    ['to renew', [], '10.77.0.11', 'ack'],
    ['to renew what is not its own', [], '10.77.0.50', 'nak'],
    ['nothing', [], '0.0.0.0', 'silence'],
  ] as const)('%s', (_what, options, clientAddress, expected) => {
    const answer = answerDhcp(pool(), request({ type: 'request', options: [...linux, ...options.map(([code, text]) => [code, address(text)] as const)], fields: { clientAddress } }), facts);
    const got = answer.kind === 'silence' ? 'silence' : (['', 'discover', 'offer', 'request', 'decline', 'ack', 'nak'] as const)[answer.message.options.get(OPTION.messageType)?.at(0) ?? 0];
    expect(got, answer.sentence).toBe(expected);
  });
});

describe('messages that are told apart from requests for a lease', () => {
  it('an INFORM gets the settings, neither lease nor address', () => {
    const answer = answerDhcp(pool(), request({ type: 'inform', options: CLIENTS.linux, fields: { clientAddress: '10.77.0.11' } }), facts);
    expect(answerText(answer)).toContain('ack to 10.77.0.11:68');
    expect(answerText(answer)).not.toMatch(/yiaddr|leaseTime/);
  });

  it.each([
    ['release', 'quiet', /gave back/],
    ['decline', 'notable', /in use by another machine/],
    ['offer', 'quiet', /as if from a client/],
  ] as const)('a %s is not answered', (type, interest, sentence) => {
    expect(answerDhcp(pool(), request({ type }), facts)).toMatchObject({ kind: 'silence', interest, sentence: expect.stringMatching(sentence) as string });
  });

  it('replies of other servers, plain BOOTP and other hardware are passed over', () => {
    for (const message of [{ ...request({ type: 'offer' }), op: 'reply' as const }, { ...EMPTY_REQUEST, hardwareAddress: '52:54:00:aa:00:01' }, request({ type: 'discover', fields: { hardwareType: 32 } })]) {
      expect(answerDhcp(pool(), message, facts)).toMatchObject({ kind: 'silence', interest: 'quiet' });
    }
  });
});

describe('machines that are not on the drive', () => {
  it.each([
    ['bios', 'notable'],
    ['linux', 'quiet'],
  ] as const)('%s: silence, with its MAC in the reason', (client, interest) => {
    const answer = answerDhcp(pool(), request({ type: 'discover', mac: STRANGER, options: CLIENTS[client] }), facts);
    expect(answer).toMatchObject({ kind: 'silence', interest, client: { mac: STRANGER }, sentence: expect.stringContaining('no host on the drive has this MAC') as string });
  });
});

describe('a relayed request', () => {
  const relay = { relayAddress: '10.78.0.1', hops: 1 };
  const circuit = Buffer.from('0104eth0', 'hex');

  it('is answered to the relay, with option 82 given back last', () => {
    const answer = answerDhcp(pool(), request({ type: 'discover', options: [...CLIENTS.bios, [OPTION.relayAgentInformation, circuit]], fields: relay }), facts);
    expect(answerText(answer)).toContain('offer to 10.78.0.1:67');
    expect(answer.kind === 'reply' && [...answer.message.options].at(-1)).toEqual([OPTION.relayAgentInformation, circuit]);
  });

  it('is refused with the broadcast flag, since the client may be on another subnet now', () => {
    const answer = answerDhcp(pool(), request({ type: 'request', options: [[OPTION.requestedAddress, address('10.78.0.9')]], fields: relay }), facts);
    expect(answerText(answer)).toContain('nak to 10.78.0.1:67 (broadcast flag)');
  });
});

describe('details that firmware depends on', () => {
  const reply = (type: MessageType, options: readonly (readonly [number, Buffer])[]) => {
    const answer = answerDhcp(pool(), request({ type, options }), facts);
    if (answer.kind === 'silence') throw new Error(answer.sentence);
    return answer.message;
  };

  it('an iPXE is told not to wait for a proxy', () => {
    expect(subOptionsOf(reply('discover', CLIENTS['ipxe-bios']).options.get(OPTION.ipxe) ?? Buffer.alloc(0)).get(176)).toEqual(Buffer.of(1));
  });

  it('the UUID and the client identifier come back as they were', () => {
    expect(reply('discover', CLIENTS.bios).options.get(OPTION.clientUuid)).toEqual(CLIENTS.bios[2][1]);
    expect(reply('discover', CLIENTS.linux).options.get(OPTION.clientIdentifier)).toEqual(CLIENTS.linux[2][1]);
  });

  it('options 66 and 67 are sent only to those who ask, 67 with a NUL at its end', () => {
    expect(reply('discover', CLIENTS.bios).options.get(OPTION.bootFileName)).toEqual(textValue('52-54-00-aa-00-01/undionly.kpxe\0'));
    expect(reply('discover', CLIENTS['uefi-9']).options.has(OPTION.bootFileName)).toBe(false);
  });

  it('a boot file too long for its field goes into option 67', () => {
    const image = 'x'.repeat(120);
    const answer = answerDhcp(pool(), request({ type: 'discover', options: CLIENTS['uefi-http'] }), { ...facts, image });
    expect(answer).toMatchObject({ kind: 'reply', message: { bootFile: '' } });
    expect(answer.kind === 'reply' && answer.message.options.get(OPTION.bootFileName)).toEqual(textValue(`http://10.77.0.1/images/${image}/snponly.efi?mac=52:54:00:aa:00:01\0`));
  });

  it('of several architectures the first that is known counts', () => {
    const answer = answerDhcp(pool(), request({ type: 'discover', options: [[OPTION.vendorClass, textValue('PXEClient')], [OPTION.clientArchitecture, Buffer.of(0, 99, 0, 7, 0, 0)]] }), facts);
    expect(answer.sentence).toContain('snponly.efi');
  });

  it('a port other than 80 is part of the URL', () => {
    const answer = answerDhcp(pool(), request({ type: 'discover', options: CLIENTS['ipxe-uefi'] }), { ...facts, httpPort: 8080 });
    expect(answer.kind === 'reply' && answer.bootFile).toBe('http://10.77.0.1:8080/boot/52:54:00:aa:00:01.ipxe');
  });

  it('the same drive gives the same bytes, whoever asks twice', () => {
    const once = () => answerText(answerDhcp(pool(), request({ type: 'discover', options: CLIENTS.bios }), facts));
    expect(once()).toBe(once());
  });
});

it('with dhcp off nobody is answered', () => {
  expect(answerDhcp(pool('off'), request({ type: 'discover', options: CLIENTS.bios }), facts)).toMatchObject({ kind: 'silence' });
});
