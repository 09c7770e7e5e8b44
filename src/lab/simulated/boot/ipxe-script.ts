/**
 * An interpreter of iPXE scripts (ipxe.org/scripting), as much as boot scripts use. A line is expanded, split into commands
 * at `||` and `&&`, and a failing command without `||` ends the script, as there.
 */

export interface IpxeImage {
  readonly name: string;
  readonly uri: string;
  readonly arguments: readonly string[];
  readonly content: Buffer;
}

/** What the script runs on. */
export interface IpxeMachine {
  /** Settings known from the start: `platform`, `mac`, `net0/mac`, `buildarch`… */
  readonly settings: ReadonlyMap<string, string>;
  /** Rejects when the file can't be had; a script sees that as a failed command. */
  fetch(uri: string): Promise<Buffer>;
  /** Starts the selected image; undefined, or the reason why it can't be started. */
  start(kernel: IpxeImage, others: readonly IpxeImage[]): string | undefined;
  sleep(seconds: number): Promise<void>;
  print(line: string): void;
}

export class IpxeScriptError extends Error {
  override readonly name = 'IpxeScriptError';
}

/** `chain --replace` starts over with another script; a loop that never pauses is a defect of the script. */
const MAX_STEPS = 10_000;

/** Runs until the script ends or has started an image. Rejects with an IpxeScriptError when it fails or can't be understood. */
export async function runIpxeScript(text: string, machine: IpxeMachine): Promise<void> {
  const run = new Run(machine);
  let script: string | undefined = text;
  while (script !== undefined) script = await run.script(script);
}

class Run {
  private readonly settings: Map<string, string>;
  private readonly images: IpxeImage[] = [];
  private kernel: IpxeImage | undefined;
  private steps = 0;
  private reason = '';

  constructor(private readonly machine: IpxeMachine) {
    this.settings = new Map(machine.settings);
  }

  /** Resolves with the script that replaces this one, if any. */
  async script(text: string): Promise<string | undefined> {
    const lines = text.split('\n').map((line) => line.trim());
    if (lines[0]?.startsWith('#!ipxe') !== true) throw new IpxeScriptError('not an iPXE script: its first line is not #!ipxe');
    for (let at = 1; at < lines.length; at += 1) {
      if ((this.steps += 1) > MAX_STEPS) throw new IpxeScriptError('the script goes round without a pause');
      const line = lines[at] ?? '';
      if (line === '' || line.startsWith('#') || line.startsWith(':')) continue;
      const next = await this.line(line);
      if (next.kind === 'exit') return undefined;
      if (next.kind === 'replace') return next.text;
      if (next.kind === 'failed') throw new IpxeScriptError(`"${line}" failed: ${this.reason}`);
      if (next.kind === 'goto') {
        const label = lines.indexOf(`:${next.label}`);
        if (label < 0) throw new IpxeScriptError(`there is no label ":${next.label}"`);
        at = label;
      }
    }
    return undefined;
  }

  private async line(line: string): Promise<Outcome> {
    const words = this.expand(line).split(/\s+/).filter((word) => word !== '');
    let outcome: Outcome = DONE;
    let runs = true;
    for (let rest = words; rest.length > 0; ) {
      const end = rest.findIndex((word) => word === '||' || word === '&&');
      const command = end < 0 ? rest : rest.slice(0, end);
      if (runs) {
        outcome = await this.command(command);
        if (outcome.kind !== 'done' && outcome.kind !== 'failed') return outcome;
      }
      if (end < 0) return outcome;
      runs = (rest[end] === '||') === (outcome.kind === 'failed');
      rest = rest.slice(end + 1);
    }
    return outcome;
  }

  private async command([name = '', ...words]: readonly string[]): Promise<Outcome> {
    switch (name) {
      case 'echo':
        this.machine.print(words.join(' '));
        return DONE;
      case 'set':
        this.settings.set(words[0] ?? '', words.slice(1).join(' '));
        return DONE;
      case 'clear':
        this.settings.delete(words[0] ?? '');
        return DONE;
      case 'isset':
        return words.length > 0 ? DONE : this.failed('not set');
      case 'iseq':
        return words[0] === words[1] ? DONE : this.failed(`${words[0] ?? ''} is not ${words[1] ?? ''}`);
      case 'goto':
        return { kind: 'goto', label: words[0] ?? '' };
      case 'sleep':
        await this.machine.sleep(Number(words[0]));
        return DONE;
      case 'dhcp':
      case 'ifopen':
        // The machine has its address by now.
        return DONE;
      case 'imgfree':
        this.images.length = 0;
        this.kernel = undefined;
        return DONE;
      case 'kernel':
      case 'imgfetch':
      case 'initrd':
      case 'module':
        return this.fetchImage(name, words);
      case 'imgstat':
        for (const image of this.images) this.machine.print(`${image.name} : ${image.content.length} bytes`);
        return DONE;
      case 'chain':
        return this.chain(words);
      case 'boot':
        return this.boot();
      case 'exit':
        return words[0] === undefined || words[0] === '0' ? { kind: 'exit' } : this.failed(`exit ${words[0]}`);
      case '':
        return DONE;
      default:
        return this.failed(`${name}: command not found`);
    }
  }

  private async fetchImage(command: string, words: readonly string[]): Promise<Outcome> {
    const { options, rest } = splitOptions(words);
    const [uri, ...args] = rest;
    if (uri === undefined) return this.failed(`${command} needs a URI`);
    try {
      const content = await this.machine.fetch(uri);
      const image = { name: options.get('name') ?? uri.replace(/\?.*$/, '').replace(/^.*\//, ''), uri, arguments: args, content };
      this.images.push(image);
      if (command === 'kernel') this.kernel = image;
      return DONE;
    } catch (error) {
      return this.failed(error instanceof Error ? error.message : String(error));
    }
  }

  private async chain(words: readonly string[]): Promise<Outcome> {
    const { options, rest } = splitOptions(words);
    const uri = rest[0];
    if (uri === undefined || !options.has('replace')) return this.failed('only chain --replace URI is known here');
    try {
      return { kind: 'replace', text: (await this.machine.fetch(uri)).toString('utf8') };
    } catch (error) {
      return this.failed(error instanceof Error ? error.message : String(error));
    }
  }

  private boot(): Outcome {
    const { kernel } = this;
    if (kernel === undefined) return this.failed('no image is selected');
    const problem = this.machine.start(kernel, this.images.filter((image) => image !== kernel));
    return problem === undefined ? { kind: 'exit' } : this.failed(problem);
  }

  private failed(reason: string): Outcome {
    this.reason = reason;
    this.machine.print(reason);
    return { kind: 'failed' };
  }

  /** `${net0/mac:hexhyp}` prints with dashes; other types print as they are (ipxe.org/cfg). */
  private expand(line: string): string {
    return line.replace(/\$\{([^}:]+)(?::([a-z0-9]+))?\}/g, (_whole, name: string, type: string | undefined) => {
      const value = this.settings.get(name) ?? '';
      return type === 'hexhyp' ? value.replaceAll(':', '-') : value;
    });
  }
}

type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed' }
  | { readonly kind: 'exit' }
  | { readonly kind: 'goto'; readonly label: string }
  | { readonly kind: 'replace'; readonly text: string };

const DONE: Outcome = { kind: 'done' };

/** Options come before the URI; those with a value are `--name` and `--timeout`. */
function splitOptions(words: readonly string[]): { readonly options: ReadonlyMap<string, string>; readonly rest: readonly string[] } {
  const options = new Map<string, string>();
  let at = 0;
  for (; words[at]?.startsWith('--') === true; at += 1) {
    const name = (words[at] ?? '').slice(2);
    if (name === 'name' || name === 'timeout') {
      at += 1;
      options.set(name, words[at] ?? '');
    } else options.set(name, '');
  }
  return { options, rest: words.slice(at) };
}
