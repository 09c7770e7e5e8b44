import type { VmBootChoice } from '../backend/drive/specTexts';
import type { Drive } from '../editor/drives';
import { bootChoices, goldenImages, newVm, vmProposal, vmTrouble, type VmQuestion } from '../editor/features/newSpecs';
import { chooseDrive, type Command } from './context';
import { Questions, writeNewSpec } from './newSpec';

/** Asks for what a VM's spec must have, and writes it with all else in comments. */
export const addVm: Command = async (context, node) => {
  const drive = (await chooseDrive(context, node))?.drive;
  if (!drive) return;
  const proposal = vmProposal(drive.specs);
  const questions = new Questions(`Add a VM to ${drive.name}`, 6);
  const ask = (question: VmQuestion, prompt: string, value: string) => questions.text({ prompt, value }, (answer) => vmTrouble(drive.specs, question, answer));

  const name = await ask('name', 'Its name: lower-case letters, digits and hyphens. Its UUID and MAC addresses follow from it.', proposal.name);
  if (name === undefined) return;
  const vcpus = await ask('vcpus', 'How many virtual CPUs', proposal.vcpus);
  if (vcpus === undefined) return;
  const memory = await ask('memory', 'How much memory, with its unit. It is never overcommitted.', proposal.memory);
  if (memory === undefined) return;
  const source = await askSource(drive, questions, ask);
  if (source === undefined) return;
  const size = source === 'no disk' ? undefined : await ask('size', 'How large its disk is, with its unit', proposal.size);
  if (size === undefined && source !== 'no disk') return;
  const boot = await askBoot(drive, questions);
  if (boot === undefined) return;
  const disk = size === undefined ? undefined : { size, ...(typeof source === 'object' && { source: source.source }) };
  await writeNewSpec(drive, newVm({ name, vcpus, memory, boot, ...(disk && { disk }) }));
};

interface Choice<Answer> {
  readonly label: string;
  readonly description: string;
  readonly answer: Answer;
}

type Source = 'no disk' | 'blank' | { readonly source: string };

async function askSource(drive: Drive, questions: Questions, ask: (question: VmQuestion, prompt: string, value: string) => Thenable<string | undefined>): Promise<Source | undefined> {
  const picked = await questions.choice<Choice<Source | undefined>>('What does its disk start from?', [
    ...goldenImages(drive.specs).map((source) => ({ label: source, description: 'golden image on the drive', answer: { source } })),
    { label: 'A blank disk', description: 'the guest is installed onto it', answer: 'blank' },
    { label: 'An image from elsewhere…', description: 'an http or https URL, or a file to put into disks/', answer: undefined },
    { label: 'No disk', description: 'it boots from memory alone', answer: 'no disk' },
  ]);
  if (!picked) return undefined;
  if (picked.answer !== undefined) return picked.answer;
  const source = await ask('source', 'Where the golden image is: https://…, or a file under disks/', 'disks/debian-13.raw');
  return source === undefined ? undefined : { source };
}

async function askBoot(drive: Drive, questions: Questions): Promise<VmBootChoice | undefined> {
  const picked = await questions.choice<Choice<VmBootChoice>>('How does the guest start?', [
    ...bootChoices(drive.specs).map((boot) => ({ label: boot.kernel, description: boot.ramdisk === undefined ? 'this kernel of the drive' : `with ${boot.ramdisk}`, answer: boot })),
    { label: 'With the kernel on its own disk', description: 'pygrub: any Linux with a GRUB menu, on any host', answer: 'pygrub' },
    { label: 'As on real hardware', description: 'hvm: any operating system; the host needs hardware virtualisation', answer: 'hvm' },
  ]);
  return picked?.answer;
}
