/** A process that answers requests off a drive: requests as hex, one a line, come in; each reply, script or record goes out. */

import { createInterface } from 'node:readline';
import { loadDrive } from '../../src/backend/drive/load';
import { bootScript, bootScriptPath } from '../../src/backend/netboot/answers/bootScript';
import { answerDhcp } from '../../src/backend/netboot/answers/dhcp';
import { answerDns } from '../../src/backend/netboot/answers/dns';
import { hostOfMac } from '../../src/backend/netboot/answers/facts';
import { decodeDhcp, encodeDhcp } from '../../src/backend/netboot/dhcp/codec';
import { OPTION, uint16Of } from '../../src/backend/netboot/dhcp/options';
import { readManifest } from '../../src/backend/image/manifest';

async function main([drive = '']: readonly string[]): Promise<void> {
  const { model } = await loadDrive(drive);
  if (!model) throw new Error(`${drive} has errors`);
  const { network, boot } = model.cluster;
  const manifest = await readManifest(`${drive}/images/${boot.image}`);
  const facts = { address: network.server, httpPort: 80, image: boot.image };
  for await (const line of createInterface({ input: process.stdin })) {
    const decoded = decodeDhcp(Buffer.from(line, 'hex'));
    if ('problem' in decoded) throw new Error(decoded.problem);
    const { message } = decoded;
    const answer = answerDhcp(model, message, { ...facts, port: 'dhcp' });
    const reply = answer.kind === 'silence' ? answer.sentence : encodeDhcp(answer.message, uint16Of(message.options, OPTION.maximumMessageSize)).bytes.toString('hex');
    const mac = message.hardwareAddress;
    const host = hostOfMac(model, mac);
    const script = host && bootScript({ model, host, mac, facts, manifest, token: 'token' });
    const name = `${host?.name ?? 'nobody'}.${network.domain}`;
    process.stdout.write(`${JSON.stringify({ reply, path: bootScriptPath(mac), script, dns: answerDns(model, { name, type: 'A' }, network.server) })}\n`);
  }
}

void main(process.argv.slice(2));
