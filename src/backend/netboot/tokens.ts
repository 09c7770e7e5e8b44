/** One-time boot tokens, kept as hashes on the drive: a restarted backend still knows them, a stolen drive has none. */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { PoolModel } from '../drive/model';
import type { DriveState } from '../drive/state';
import type { Clock, Random } from '../system';
import { hostOfMac } from './answers/facts';
import type { BootTokens } from './server';

export interface BootTokensOptions {
  readonly state: Pick<DriveState, 'hostBoot' | 'writeHostBoot'>;
  readonly model: () => PoolModel;
  readonly clock: Clock;
  readonly random: Random;
}

/** 192 bits, 32 characters on the kernel command line. */
const TOKEN_BYTES = 24;
/**
 * A script asked for again so soon is a client's retry, or a person's curious look, and gets the same unspent token:
 * neither makes void what the machine may already have booted with.
 */
const SAME_BOOT_MS = 2 * 60_000;

/** `issue` rejects when no host on the drive has the MAC, or when the drive can't be written. */
export function createBootTokens({ state, model, clock, random }: BootTokensOptions): BootTokens {
  const recent = new Map<string, { readonly token: string; readonly issuedMs: number }>();
  const inTurn = oneAtATimePerKey();

  return {
    issue: async (mac) => {
      const host = hostOfMac(model(), mac);
      if (!host) throw new Error(`no host on the drive has the MAC ${mac}`);
      return inTurn(host.name, async () => {
        const record = await state.hostBoot(host.name);
        const last = recent.get(mac);
        if (last && clock.now() - last.issuedMs < SAME_BOOT_MS && record?.mac === mac && record.tokenSha256 === sha256(last.token) && !record.hello) return last.token;
        const formerHello = record?.hello ?? record?.formerHello;
        const token = random(TOKEN_BYTES).toString('base64url');
        const issuedMs = clock.now();
        await state.writeHostBoot(host.name, {
          mac,
          image: model().cluster.boot.image,
          tokenSha256: sha256(token),
          issuedAt: new Date(issuedMs).toISOString(),
          ...(formerHello && { formerHello }),
        });
        recent.set(mac, { token, issuedMs });
        return token;
      });
    },

    redeem: async ({ mac, token, hostKeys }) => {
      const host = hostOfMac(model(), mac);
      if (!host) return false;
      return inTurn(host.name, async () => {
        const record = await state.hostBoot(host.name);
        if (record?.mac !== mac || !equal(record.tokenSha256, sha256(token))) return false;
        // The host says hello again when our answer was lost: the same keys are pinned already. Other keys are a replay.
        if (record.hello) return record.hello.hostKeys.join('\n') === hostKeys.join('\n');
        const { image, tokenSha256, issuedAt } = record;
        await state.writeHostBoot(host.name, {
          mac,
          image,
          tokenSha256,
          issuedAt,
          hello: { at: new Date(clock.now()).toISOString(), address: host.address, hostKeys },
        });
        recent.delete(mac);
        return true;
      });
    },
  };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** In a time that doesn't tell how much of it was right. */
function equal(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** What reads a host's record and writes it back must not run twice at once, whichever of its cards asks. */
function oneAtATimePerKey(): <Result>(key: string, task: () => Promise<Result>) => Promise<Result> {
  const last = new Map<string, Promise<unknown>>();
  return (key, task) => {
    const result = (last.get(key) ?? Promise.resolve()).then(task);
    // The caller sees the rejection; the next in turn runs all the same.
    last.set(key, result.catch(() => undefined));
    return result;
  };
}
