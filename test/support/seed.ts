/**
 * Property tests draw the same cases every time, so that a run tells of the change and not of the day.
 * `PXEN_SEED=random` (or a number) looks for new ones.
 */

import fc from 'fast-check';

const asked = process.env['PXEN_SEED'] ?? '20261123';
if (asked !== 'random') fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(asked) });
