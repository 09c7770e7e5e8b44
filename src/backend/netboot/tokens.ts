/** One-time boot tokens, kept as hashes on the drive: a restarted backend still knows them, a stolen drive has none. */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { PoolModel } from '../drive/model';
import type { DriveState, HostBootRecord, IssuedToken } from '../drive/state';
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
 * Unspent tokens of one host that count beside its newest: one for each of its other cards, and one for each restart of the
 * backend, which knows of the former only their hashes.
 */
const MOST_FORMER = 8;

/**
 * A token is given out until it is spent, however often and late its script is asked for: by a client that tries again, by a
 * person who is curious, or by somebody who wants to disturb. None of them makes void what the machine has already booted with.
 * The first that is spent makes the others void. `issue` rejects when no host on the drive has the MAC, or when the drive can't
 * be written.
 */
export function createBootTokens({ state, model, clock, random }: BootTokensOptions): BootTokens {
  /** By MAC: what is on the drive as a hash only. */
  const issued = new Map<string, string>();
  const inTurn = oneAtATimePerKey();

  return {
    issue: async (mac) => {
      const host = hostOfMac(model(), mac);
      if (!host) throw new Error(`no host on the drive has the MAC ${mac}`);
      return inTurn(host.name, async () => {
        const record = await state.hostBoot(host.name);
        const { image } = model().cluster.boot;
        const unspent = unspentOf(record);
        const known = issued.get(mac);
        if (record !== undefined && known !== undefined && isAmong(unspent, mac, known)) {
          const { poweredOffAt, ...going } = record;
          // The same token, but a boot that begins now.
          if (poweredOffAt !== undefined || record.image !== image) await state.writeHostBoot(host.name, { ...going, image });
          return known;
        }
        const token = random(TOKEN_BYTES).toString('base64url');
        const formerTokens = unspent.slice(0, MOST_FORMER);
        const formerHello = record?.hello ? { ...record.hello, tokenSha256: record.tokenSha256 } : record?.formerHello;
        await state.writeHostBoot(host.name, {
          mac,
          image,
          tokenSha256: sha256(token),
          issuedAt: new Date(clock.now()).toISOString(),
          ...(formerTokens.length > 0 && { formerTokens }),
          ...(formerHello && { formerHello }),
        });
        issued.set(mac, token);
        return token;
      });
    },

    redeem: async ({ mac, token, hostKeys }) => {
      const host = hostOfMac(model(), mac);
      if (!host) return false;
      return inTurn(host.name, async () => {
        const record = await state.hostBoot(host.name);
        if (!record) return false;
        if (isAmong(unspentOf(record), mac, token)) {
          const { image, issuedAt } = record;
          await state.writeHostBoot(host.name, {
            mac,
            image,
            tokenSha256: sha256(token),
            issuedAt,
            hello: { at: new Date(clock.now()).toISOString(), address: host.address, hostKeys },
          });
          issued.delete(mac);
          return true;
        }
        // The host says hello again when our answer was lost: the same keys are pinned already. Other keys are a replay.
        const spoken = record.hello ?? record.formerHello;
        const spent = record.hello ? record.tokenSha256 : record.formerHello?.tokenSha256;
        return spoken !== undefined && spent !== undefined && equal(spent, sha256(token)) && spoken.hostKeys.join('\n') === hostKeys.join('\n');
      });
    },
  };
}

/** Newest first. */
function unspentOf(record: HostBootRecord | undefined): readonly IssuedToken[] {
  if (record === undefined || record.hello) return [];
  return [{ mac: record.mac, tokenSha256: record.tokenSha256 }, ...(record.formerTokens ?? [])];
}

function isAmong(tokens: readonly IssuedToken[], mac: string, token: string): boolean {
  const hash = sha256(token);
  return tokens.some((one) => one.mac === mac && equal(one.tokenSha256, hash));
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
