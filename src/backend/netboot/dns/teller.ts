/** What is told of DNS exchanges: each in a sentence, unless the same was told a moment ago or there are too many. */

import { hostOfAddress, nameOfHost } from '../answers/facts';
import { createAllowance } from '../allowance';
import { printable } from '../printable';
import { createRepeatFilter } from '../repeats';
import type { BootServerOptions } from '../server';
import { ANSWERS_PER_SECOND } from './limits';
import type { DnsExchange, DnsOutcome } from './server';

/** In a burst and then each second. Any number of questions can be asked, and of senders made up; what is refused keeps its own. */
const TOLD = { burst: 64, perSecond: 1 };

/** What is refused, or kept short since it is too much, is an event; all else is of interest only to who looks closely. */
export function createDnsTeller({ onEvent, log, model, clock }: Pick<BootServerOptions, 'onEvent' | 'log' | 'model' | 'clock'>): (exchange: DnsExchange) => void {
  // Apart from each other: what is asked for the first time pushes out of memory what was told before.
  const questions = { isNews: createRepeatFilter(clock), mayTell: createAllowance(clock, TOLD.burst, TOLD.perSecond), level: 'debug', many: 'Very many questions are asked by DNS: not each of them is told of' } as const;
  const refusals = { isNews: createRepeatFilter(clock), mayTell: createAllowance(clock, TOLD.burst, TOLD.perSecond), level: 'warn', many: 'Very many machines are refused by DNS: not each of them is told of' } as const;
  const areMany = createRepeatFilter(clock);
  return ({ asker, question, outcome }) => {
    const isRefusal = isNotable(outcome);
    const { isNews, mayTell, level, many } = isRefusal ? refusals : questions;
    // What is refused once for each asker, whatever it asks next: a flood has a name of its own in each question.
    if (!isNews(isRefusal ? `${asker} ${outcome.because}` : `${asker} ${question.type} ${question.name} ${outcome.code}`)) return;
    if (!mayTell()) {
      if (areMany(many)) log(level, many);
      return;
    }
    const host = hostOfAddress(model(), asker);
    const mac = host?.macs[0];
    const who = host === undefined || mac === undefined ? asker : nameOfHost(host, mac);
    const sentence = `${who} asked by DNS for ${printable(question.type)} of ${printable(question.name) || '.'} and ${wordsOf(outcome)}`;
    if (isRefusal) onEvent({ kind: 'refused', ...(mac !== undefined && { mac }), ...(host && { host: host.name }), sentence });
    else log('debug', sentence);
  };
}

type Notable = Extract<DnsOutcome, { readonly because: 'not-local' | 'too-often' }> | { readonly code: 'SERVFAIL'; readonly because: 'busy' };

/** Forwarders that are silent are told of as such; that the pool hasn't a name is everyday. */
function isNotable(outcome: DnsOutcome): outcome is Notable {
  return 'because' in outcome && (outcome.because === 'not-local' || outcome.because === 'too-often' || outcome.because === 'busy');
}

function wordsOf(outcome: DnsOutcome): string {
  switch (outcome.code) {
    case 'NOERROR':
      return outcome.answers.length === 0 ? 'was told that there is none' : `got ${outcome.answers.map(({ data }) => (typeof data === 'string' ? data : `the zone of ${data.mname}`)).join(', ')}`;
    case 'NXDOMAIN':
      return 'was told that there is no such name';
    case 'FORWARDED':
      return "got a forwarder's answer";
    default:
      return WORDS[outcome.because];
  }
}

const WORDS: Readonly<Record<Extract<DnsOutcome, { readonly because: string }>['because'], string>> = {
  'not-local': "was refused: it is on no network of the pool's or of this machine's",
  'not-ours': 'was refused: the pool has no such name, and pxen.yaml names no forwarders',
  'not-forwarded': "was refused: the pool has no such name, and a question like that isn't forwarded",
  busy: 'got no answer: too many questions wait for the forwarders',
  silent: 'got no answer: no forwarder answered',
  'too-often': `was told to ask over TCP, or nothing: more than ${ANSWERS_PER_SECOND} questions a second come from there`,
  'too-long': 'was told to ask over TCP: the answer is too long for UDP',
};
