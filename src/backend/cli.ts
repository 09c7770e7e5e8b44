/** The command line: parses words, calls one verb, exits with its code. */

import { Command, CommanderError, Help, InvalidArgumentError, Option } from 'commander';
import type { FirmwareKind } from './netboot/answers/exampleRequest';
import { DEFAULT_MIRROR, DEFAULT_SUITE } from './image/recipe';
import { EXIT, type VerbIo } from './verbs/io';
import type { ServingOptions } from './verbs/serving';

declare const PXEN_VERSION: string;

export async function main(argv: readonly string[]): Promise<number> {
  const abort = new AbortController();
  const stop = () => abort.abort(new Error('interrupted'));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const terminal = { isGone: false };
  const hangUp = () => {
    terminal.isGone = true;
    stop();
  };
  process.once('SIGHUP', hangUp);
  const io: VerbIo = {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    interactive: process.stderr.isTTY,
    env: process.env,
    signal: abort.signal,
  };
  let exitCode: number = EXIT.ok;
  const program = buildProgram(io, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    throw error;
  } finally {
    // All is cleaned up. Node would reset the terminal at its end, and aborts when that has gone; the signal's own end does not.
    if (terminal.isGone) process.kill(process.pid, 'SIGHUP');
  }
  return exitCode;
}

/** Verbs are imported when called, so that `pxen validate` doesn't load ssh. */
function buildProgram(io: VerbIo, exit: (code: number) => void): Command {
  const program = new Command('pxen')
    .description('Boots a whole Xen pool from one drive.')
    .version(PXEN_VERSION)
    // That a flag is off, and a repeatable option absent, unless given needn't be said of each.
    .configureHelp({ optionDescription: (option) => (option.isBoolean() || Array.isArray(option.defaultValue) ? option.description : new Help().optionDescription(option)) })
    .showHelpAfterError('(--help tells what there is.)')
    .exitOverride();

  program
    .command('validate')
    .description('Tell every problem of the specs on a drive.')
    .argument('[DRIVE]', "the drive's folder", '.')
    .option('--json', 'print one JSON document', false)
    .addHelpText('after', '\nProblems are printed as file:line:column: severity code message.\nExits 0 when there are none, 1 when there are, 2 when the drive is not there.')
    .action(async (drive: string, { json }: { json: boolean }) => {
      const { runValidate } = await import('./verbs/validate');
      exit(await runValidate({ drive, json }, io));
    });

  program
    .command('plan')
    .description('Show where each VM goes, why some are left out, and the actions that lead there.')
    .argument('[DRIVE]', "the drive's folder", '.')
    .option('--prove', 'search on until the plan is proven best; Ctrl-C ends the search with the best so far', false)
    .option('--without <HOST>', 'what if this host were gone, with all that lies on it (repeatable)', (word: string, words: readonly string[]) => [...words, word], [])
    .option('--more <VM=N>', 'what if there were N more of this VM (repeatable)', (word: string, words: readonly string[]) => [...words, word], [])
    .addOption(new Option('--how-many <VM>', 'only tell how many more of this VM fit').conflicts(['why', 'diff', 'prove']))
    .option('--with <FILE>', 'what if the specs in this file were on the drive, in place of its own of the same kind and name (repeatable)', (word: string, words: readonly string[]) => [...words, word], [])
    .option('--max-moves <N>', 'move at most N VMs, running ones or their disks; 0 moves nothing, as boot', wholeNumber)
    .option('--allow-stops', 'running VMs may be stopped for a while, to move them', false)
    .option('--diff', 'show only what changes against what runs', false)
    .addOption(new Option('--why <VM>', 'tell why this VM is where it is, and not elsewhere').conflicts('diff'))
    .option('--json', 'print one JSON document', false)
    .addHelpText('after', '\nNothing is changed. Exits 0 when all VMs are placed, 1 when some are left out, 2 when the drive has errors.\nDisks and running VMs move only where that lets VMs in or bears failures better. Boot moves nothing: with --max-moves 0 this is its plan.')
    .action(async (drive: string, { json, prove, without, more, howMany, with: files, maxMoves, allowStops, diff, why }: PlanFlags) => {
      const { runPlan } = await import('./verbs/plan');
      const whatIf = { without, more, with: files, ...(howMany === undefined ? {} : { howMany }) };
      const moves = { maxMoves: maxMoves ?? Infinity, stops: allowStops ? ('allowed' as const) : ('never' as const) };
      const show = why !== undefined ? { kind: 'why' as const, vm: why } : diff ? { kind: 'diff' as const } : undefined;
      exit(await runPlan({ drive, json, prove, whatIf, moves, ...(show === undefined ? {} : { show }) }, io));
    });

  withServing(
    program
      .command('serve')
      .description('Answer booting machines (DHCP, TFTP, HTTP, DNS) until interrupted. Wakes nobody, starts no VM.')
      .argument('[DRIVE]', "the drive's folder", '.'),
  )
    .option('--print-nginx-config', "print nginx's configuration for this drive and --http-upstream (127.0.0.1:8080), and end", false)
    .option('--json', 'print one JSON event a line', false)
    .addHelpText('after', '\nAsks for root through sudo, for the ports alone. The drive may be edited meanwhile. Exits 0 when interrupted, 2 when it could not begin.')
    .action(async (drive: string, options: ServingOptions & { printNginxConfig: boolean; json: boolean }) => {
      const { runServe } = await import('./verbs/serve');
      exit(await runServe({ drive, ...options }, io));
    });

  program
    .command('answer')
    .description('Show what a machine would be told if it asked now, and why. Sends nothing.')
    .argument('MAC', 'like 52:54:00:aa:00:01')
    .argument('[DRIVE]', "the drive's folder", '.')
    .addOption(new Option('--arch <firmware>', 'who asks').choices(['bios', 'uefi', 'http', 'arm64', 'arm64-http', 'os']).default('bios'))
    .option('--ipxe', 'ask as iPXE does, and show the boot script', false)
    .option('--json', 'print one JSON document', false)
    .addHelpText('after', '\nExits 0 when the machine would be answered, 1 when not, 2 for a bad MAC or drive.')
    .action(async (mac: string, drive: string, { arch, ipxe, json }: { arch: FirmwareKind; ipxe: boolean; json: boolean }) => {
      const { runAnswer } = await import('./verbs/answer');
      exit(await runAnswer({ mac, drive, arch, ipxe, json }, io));
    });

  program
    .command('wake')
    .description('Send magic packets to hosts, or to all of them.')
    .usage('[options] [DRIVE] [HOST...]')
    .argument('[words...]', "the drive's folder (default: the current one), then hosts by name")
    .option('--json', 'print one JSON document', false)
    .addHelpText('after', '\nHosts are woken in waves, for the sake of the power supply: boot.wakeAtOnce of them, and the next ones boot.wakePause later (pxen.yaml).\nExits 0 when all packets left, 3 when some could not, 2 when none could be sent.')
    .action(async (words: readonly string[], { json }: { json: boolean }) => {
      const { runWake } = await import('./verbs/wake');
      exit(await runWake({ words, json }, io));
    });

  withServing(
    program
      .command('boot')
      .description('Turn every machine on, boot it over the network, and start the VMs.')
      .argument('[DRIVE]', "the drive's folder", '.')
      .option('--stay', 'keep serving, and bring back what is lost, until interrupted or `pxen down`', false),
  )
    .option('--json', 'print one JSON event a line', false)
    .addHelpText(
      'after',
      '\nAsks for root through sudo, for the ports of DHCP, TFTP, HTTP and DNS alone. Hosts and VMs are left running when it ends.\nWhat is up already is left as it is. `pxen serve --print-nginx-config` prints the configuration of an nginx for --http-upstream.\nExits 0 when the pool is up, 3 when only partly, 2 when it could not begin.',
    )
    .action(async (drive: string, options: ServingOptions & { stay: boolean; json: boolean }) => {
      const { runBoot } = await import('./verbs/boot');
      exit(await runBoot({ drive, ...options }, io));
    });

  program
    .command('lab')
    .description('Boot the pool without hardware: simulated hosts on this machine, which speak the real protocols.')
    .argument('[DRIVE]', "the drive's folder", '.')
    .option('--fault <HOST=FAULT>', 'give a simulated host a fault; a wrong one lists what there is (repeatable)', (word: string, words: readonly string[]) => [...words, word], [])
    .option('--keep', 'leave the simulated machines running when this ends', false)
    .option('--attach <SOCKET>', 'take over simulated machines that were kept')
    .option('--qemu', 'QEMU machines that boot the real image into real Xen, in a network namespace of their own', false)
    .option('--stay', 'keep serving, and bring back what is lost, until interrupted or `pxen down`', false)
    .option('--json', 'print one JSON event a line', false)
    .addHelpText('after', "\nNeeds no root. What it writes is in state/lab/ on the drive, the machines' screens in state/lab/machines.log.\nExits as `pxen boot`: 0 when the pool is up, 3 when only partly, 2 when it could not begin.")
    .action(async (drive: string, { fault, ...options }: { fault: readonly string[]; keep: boolean; attach?: string; qemu: boolean; stay: boolean; json: boolean }) => {
      const { runLab } = await import('./verbs/lab');
      exit(await runLab({ drive, faults: fault, ...options }, io));
    });

  program
    .command('status')
    .description('Show how hosts and VMs are.')
    .argument('[DRIVE]', "the drive's folder", '.')
    .option('--json', 'print one JSON document', false)
    .addHelpText('after', '\nAsks the backend that works on the drive, else the hosts themselves. Exits 0 when the pool is up or down, 3 when only partly.')
    .action(async (drive: string, { json }: { json: boolean }) => {
      const { runStatus } = await import('./verbs/status');
      exit(await runStatus({ drive, json }, io));
    });

  program
    .command('down')
    .description('Shut the VMs down in reverse start order, then switch the hosts off.')
    .argument('[DRIVE]', "the drive's folder", '.')
    .option('--force', "end guests that don't shut down within two minutes, as pulling their plug would", false)
    .option('--json', 'print one JSON event a line', false)
    .addHelpText('after', '\nA host that runs a domain which is not of this drive stays up. Exits 0 when every host is off, 3 when some stay up.')
    .action(async (drive: string, { force, json }: { force: boolean; json: boolean }) => {
      const { runDown } = await import('./verbs/down');
      exit(await runDown({ drive, force, json }, io));
    });

  const image = program.command('image').description('Make boot images.');
  image
    .command('build')
    .description("Build the image that hosts boot: Xen and a small Debian that lives in RAM, from Debian's packages.")
    .argument('[DRIVE]', "the drive's folder", '.')
    .option('--name <NAME>', 'the image becomes images/NAME on the drive', 'dom0-1')
    .option('--suite <SUITE>', 'Debian release', DEFAULT_SUITE)
    .option('--mirror <URL>', 'Debian mirror; another than the default one brings no security updates of its own', DEFAULT_MIRROR)
    .option('--force', "build even if an image of the same inputs is there, with Debian's present packages", false)
    .option('--verbose', 'show what the tools say', false)
    .option('--json', 'print one JSON document', false)
    .addHelpText(
      'after',
      '\nWorks as root, or as a user where user namespaces are allowed; `pxen doctor` says what is missing.\nWith SOURCE_DATE_EPOCH set, the same packages give the same image bit for bit.\nExits 0 when the image is there, 1 when the build failed, 2 when it could not begin.',
    )
    .action(async (drive: string, options: { name: string; suite: string; mirror: string; force: boolean; verbose: boolean; json: boolean }) => {
      const { runImageBuild } = await import('./verbs/image-build');
      exit(await runImageBuild({ drive, ...options }, io));
    });

  program
    .command('lsp')
    .description('Serve editors the language of specs: problems, completion, hovers and all else, over standard input and output.')
    // What clients say by themselves: the way they speak, which is the only one there is, and whose end is to be this one's too.
    .addOption(new Option('--stdio').hideHelp())
    .addOption(new Option('--clientProcessId <PID>').hideHelp())
    .addHelpText('after', '\nStarted by an editor, which names the drives. Exits 0 when the editor shut it down, 1 when it just went away.')
    .action(async () => {
      const { runLsp } = await import('./verbs/lsp');
      exit(await runLsp(PXEN_VERSION, io));
    });

  program
    .command('doctor')
    .description('Tell which tools this machine lacks, and the one command that installs them.')
    .option('--json', 'print one JSON document', false)
    .addHelpText('after', '\nExits 0 when nothing is missing, 1 otherwise.')
    .action(async (options: { json: boolean }) => {
      const { runDoctor } = await import('./verbs/doctor');
      exit(await runDoctor(options, io));
    });

  const drive = program.command('drive').description('Make drives.');
  drive
    .command('new')
    .description('Write a small, commented drive to start from.')
    .argument('FOLDER', 'a new or empty folder')
    .option('--json', 'print one JSON document', false)
    .action(async (folder: string, { json }: { json: boolean }) => {
      const { runDriveNew } = await import('./verbs/drive-new');
      exit(await runDriveNew({ folder, json }, io));
    });
  return program;
}

/** What verbs that answer machines have in common, as `ServingOptions`. */
function withServing(command: Command): Command {
  return command
    .option('--despite-other-dhcp', 'serve addresses although another DHCP server answers on the network', false)
    .option('--tftp-single-port', 'answer every TFTP transfer from port 69, for a firewall that lets no other port through', false)
    .option('--http-upstream <ADDRESS:PORT>', 'listen for HTTP here, behind an nginx that has port 80 and sends the image files; for pools of hundreds of hosts')
    .option('--capture <FILE>', 'write every datagram to a new file, for tcpdump and Wireshark');
}

interface PlanFlags {
  readonly json: boolean;
  readonly prove: boolean;
  readonly without: readonly string[];
  readonly more: readonly string[];
  readonly with: readonly string[];
  readonly howMany?: string;
  readonly maxMoves?: number;
  readonly allowStops: boolean;
  readonly diff: boolean;
  readonly why?: string;
}

function wholeNumber(word: string): number {
  if (!/^[0-9]{1,6}$/.test(word)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(word);
}
