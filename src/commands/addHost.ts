import * as path from 'node:path';
import type * as vscode from 'vscode';
import { readUnknownMachines } from '../backend/drive/unknownMachines';
import type { Drive } from '../editor/drives';
import { hostProposal, hostTrouble, macsIn, newHost, strangers, type HostQuestion } from '../editor/features/newSpecs';
import type { UnknownMachine } from '../protocol';
import { chooseDrive, type Command, type CommandContext } from './context';
import { Questions, writeNewSpec } from './newSpec';

/** Asks for what a host's spec must have, and writes it with all else in comments. */
export const addHost: Command = async (context, node) => {
  const drive = (await chooseDrive(context, node))?.drive;
  if (!drive) return;
  const proposal = hostProposal(drive.specs);
  const questions = new Questions(`Add a host to ${drive.name}`, 6);
  const ask = (question: HostQuestion, prompt: string, value: string) => questions.text({ prompt, value }, (answer) => hostTrouble(drive.specs, question, answer));

  const name = await ask('name', 'Its name: lower-case letters, digits and hyphens. It is its DNS name too.', proposal.name);
  if (name === undefined) return;
  const macs = await askMacs(context, drive, questions);
  if (macs === undefined) return;
  const address = await ask('address', `Its fixed address in ${drive.model?.cluster.network.subnet ?? 'the subnet'}`, proposal.address);
  if (address === undefined) return;
  const cpus = await ask('cpus', 'How many CPUs it has, as Xen counts them: threads', proposal.cpus);
  if (cpus === undefined) return;
  const memory = await ask('memory', 'How much memory it has, with its unit', proposal.memory);
  if (memory === undefined) return;
  const array = await questions.choice('Has it a RAID array for VM disks?', [
    { label: 'One array', detail: 'Its UUID and disks are filled in next; PXEN never creates one.', array: true },
    { label: 'None', detail: 'It runs VMs whose disks are on shared storage.', array: false },
  ]);
  if (!array) return;
  await writeNewSpec(drive, newHost(drive.specs, { name, macs, address, cpus, memory, array: array.array }));
};

/** One of the machines that asked the boot server for an address, or what is typed. */
async function askMacs({ log }: CommandContext, drive: Drive, questions: Questions): Promise<readonly string[] | undefined> {
  const heard = strangers(drive.specs, await machinesHeard(drive, log));
  const type = () => questions.text({ prompt: "The MAC address it boots from, and further ones behind commas: `ip link` tells, or the firmware's boot menu", value: '', placeHolder: '52:54:00:aa:00:01' }, (answer) => hostTrouble(drive.specs, 'macs', answer));
  if (heard.length === 0) {
    const typed = await type();
    return typed === undefined ? undefined : macsIn(typed);
  }
  const picked = await questions.choice('Which machine is it? These asked the boot server and are not on the drive.', [
    ...heard.map((machine) => ({ label: machine.mac, description: describe(machine), mac: machine.mac })),
    { label: 'Another one…', description: 'type its MAC address', mac: undefined },
  ]);
  if (!picked) return undefined;
  if (picked.mac !== undefined) return [picked.mac];
  const typed = await type();
  return typed === undefined ? undefined : macsIn(typed);
}

function describe({ wants, architecture, lastSeen, count }: UnknownMachine): string {
  const what = wants === 'boot' ? `wants to boot${architecture === undefined ? '' : ` (${architecture})`}` : 'asked for an address';
  return `${what} · last heard ${new Date(lastSeen).toLocaleString()} · ${count} ${count === 1 ? 'request' : 'requests'}`;
}

async function machinesHeard(drive: Drive, log: vscode.LogOutputChannel): Promise<readonly UnknownMachine[]> {
  try {
    return await readUnknownMachines(path.join(drive.path, 'state'));
  } catch (error) {
    // It only saves typing.
    log.warn(error instanceof Error ? error.message : String(error));
    return [];
  }
}
