import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { loadDrive } from '../../src/backend/drive/load';
import type { PoolModel } from '../../src/backend/drive/model';
import { openLiveModel } from '../../src/backend/drive/liveModel';
import { copyExample } from '../support/examples';
import { temporaryFolder } from './bootServerFixture';

/** A drive that is looked at when the test says so; `change` is made after it was read and before anybody looks. */
async function live(change: (root: string) => Promise<void> = () => Promise.resolve()) {
  const root = path.join(await temporaryFolder(), 'drive');
  await copyExample('homelab', root);
  const first = (await loadDrive(root)).model;
  if (!first) throw new Error('the example is invalid');
  await change(root);
  const told: string[] = [];
  let look: () => void = () => undefined;
  let scheduled: () => void = () => undefined;
  const model = openLiveModel({
    root,
    first,
    clock: {
      now: () => 0,
      after: (_delay, callback) => {
        look = callback;
        scheduled();
        return () => undefined;
      },
    },
    onChange: ({ cluster, hosts }: PoolModel) => told.push(`domain ${cluster.network.domain}, ${hosts.length} hosts`),
    onInvalid: (problems) => told.push(`invalid: ${problems[0]?.code ?? ''}`),
    onMended: () => told.push('mended'),
    onPresence: (isThere) => told.push(isThere ? 'back' : 'gone'),
  });
  return {
    root,
    told,
    model,
    /** Looks so many times, each when the one before has ended; a change is believed at the second. */
    look: async (times = 2) => {
      for (let time = 0; time < times; time += 1) {
        await new Promise<void>((resolve) => {
          scheduled = resolve;
          look();
        });
      }
    },
    edit: async (change: (text: string) => string) => {
      const spec = path.join(root, 'pxen.yaml');
      await writeFile(spec, change(await readFile(spec, 'utf8')));
    },
  };
}

it('a valid edit is taken, an invalid one is told and leaves the last valid model', async () => {
  const { told, model, look, edit } = await live();
  await look();
  await edit((text) => text.replace('homelab.internal', 'changed.internal'));
  await look();
  await edit((text) => text.replace('kind: Cluster', 'kind: Clusters'));
  await look();
  await look();
  expect(told).toEqual(['domain changed.internal, 4 hosts', expect.stringMatching(/^invalid: /)]);
  expect(model.current().cluster.network.domain).toBe('changed.internal');
  await model.close();
});

it('an invalid edit that is taken back is told to be mended', async () => {
  const { told, model, look, edit } = await live();
  await edit((text) => text.replace('kind: Cluster', 'kind: Clusters'));
  await look();
  await edit((text) => text.replace('kind: Clusters', 'kind: Cluster'));
  await look(3);
  expect(told).toEqual([expect.stringMatching(/^invalid: /), 'mended']);
  await model.close();
});

it('an edit that changes nothing but comments is not told', async () => {
  const { told, model, look, edit } = await live();
  await edit((text) => `# a remark\n${text}`);
  await look();
  expect(told).toEqual([]);
  await model.close();
});

it('a drive that is pulled is no empty pool, and back again it is the same', async () => {
  const { root, told, model, look } = await live();
  await rename(root, `${root}-pulled`);
  await look(1);
  expect(told).toEqual([]);
  await look(3);
  expect([told, model.current().hosts.length]).toEqual([['gone'], 4]);
  await rename(`${root}-pulled`, root);
  await look(3);
  expect(told).toEqual(['gone', 'back']);
  await model.close();
});

it('what was edited between reading the drive and the first look is taken too', async () => {
  const { told, model, look } = await live(async (root) => {
    const spec = path.join(root, 'pxen.yaml');
    await writeFile(spec, (await readFile(spec, 'utf8')).replace('homelab.internal', 'early.internal'));
  });
  await look();
  expect(told).toEqual(['domain early.internal, 4 hosts']);
  await model.close();
});

it('a file that an editor puts aside while it writes it anew is no host taken out', async () => {
  const { root, told, model, look } = await live();
  await look();
  const spec = path.join(root, 'hosts', 'node1.host.yaml');
  const text = await readFile(spec, 'utf8');
  await rename(spec, `${spec}~`);
  await look(1);
  await writeFile(spec, text);
  await look();
  expect([told, model.current().hosts.length]).toEqual([[], 4]);
  await rm(spec);
  await look();
  expect(model.current().hosts).toHaveLength(3);
  await model.close();
});
