import { Ajv2020 } from 'ajv/dist/2020';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { AJV_OPTIONS } from '../../scripts/generate.mjs';
import clusterSchema from '../../schemas/cluster.schema.json';
import hostSchema from '../../schemas/host.schema.json';
import vmSchema from '../../schemas/vm.schema.json';
import { DEFAULTS } from '../../src/backend/drive/convert';
import { validateCluster, validateHost, validateVm } from '../../src/backend/drive/generated/validators';
import { readGolden } from './golden';

const KINDS = [
  { kind: 'Cluster', schema: clusterSchema, standalone: validateCluster },
  { kind: 'Host', schema: hostSchema, standalone: validateHost },
  { kind: 'VM', schema: vmSchema, standalone: validateVm },
] as const;

describe('The standalone validators', () => {
  const samples = ['shape', 'quantities', 'duplicates', 'network', 'references']
    .flatMap((name) => readGolden(`${import.meta.dirname}/problems/${name}.txt`))
    .flatMap(({ files }) => [...files.values()])
    .flatMap((text) => [...parseAllDocuments(text)].filter(({ errors }) => errors.length === 0).map((document): unknown => document.toJS()));

  for (const { kind, schema, standalone } of KINDS) {
    const runtime = new Ajv2020(AJV_OPTIONS).compile(schema);
    const told = (validate: { errors?: readonly object[] | null }) => JSON.stringify(validate.errors ?? []);

    test(`${kind}: the same errors as ajv at run time, for every golden document`, () => {
      for (const sample of samples) {
        expect(standalone(sample)).toBe(runtime(sample));
        expect(told(standalone)).toBe(told(runtime));
      }
    });

    test(`${kind}: the same errors as ajv at run time, for anything at all`, () => {
      const scalar = fc.oneof(fc.string({ maxLength: 8 }), fc.integer(), fc.boolean(), fc.constant(null), fc.constantFrom('8GiB', '10s', 'pv', 'wol', 'a=b', '10.0.0.1'));
      const keys = fc.constantFrom(...Object.keys(schema.properties), 'type', 'kernel', 'bootloader', 'method', 'on', 'x');
      const value = fc.letrec((tie) => ({
        any: fc.oneof({ maxDepth: 3 }, scalar, fc.array(tie('any'), { maxLength: 3 }), fc.dictionary(keys, tie('any'), { maxKeys: 5 })),
      })).any;
      fc.assert(
        fc.property(fc.dictionary(keys, value, { maxKeys: 8 }), (fields) => {
          const sample = { kind, name: 'a', ...fields };
          expect(standalone(sample)).toBe(runtime(sample));
          expect(told(standalone)).toBe(told(runtime));
        }),
        { numRuns: 200 },
      );
    });
  }
});

describe('The schemas', () => {
  test('Their defaults are the ones that hold', () => {
    const { $defs: cluster } = clusterSchema;
    expect({
      boot: {
        image: cluster.boot.properties.image.default,
        timeout: cluster.boot.properties.timeout.default,
        attempts: cluster.boot.properties.attempts.default,
        wakeAtOnce: cluster.boot.properties.wakeAtOnce.default,
        wakePause: cluster.boot.properties.wakePause.default,
      },
      placement: { cpuOvercommit: cluster.placement.properties.cpuOvercommit.default, survive: cluster.placement.properties.survive.default, goal: cluster.placement.properties.goal.default },
      dhcp: cluster.network.properties.dhcp.default,
      lease: cluster.addressRange.properties.lease.default,
      reserve: { cpus: hostSchema.properties.reserve.properties.cpus.default, memory: hostSchema.properties.reserve.properties.memory.default },
      wolPort: hostSchema.$defs.wake.oneOf[0]?.properties.port?.default,
      degraded: hostSchema.$defs.array.properties.degraded.default,
      priority: vmSchema.properties.priority.default,
      bandwidth: vmSchema.$defs.disk.properties.bandwidth.default,
      bridge: vmSchema.$defs.nic.properties.bridge.default,
      delay: vmSchema.$defs.start.properties.delay.default,
    }).toEqual(DEFAULTS);
  });

  test('Every key says what it is for', () => {
    const silent: string[] = [];
    const walk = (node: unknown, path: string) => {
      if (typeof node !== 'object' || node === null) return;
      const { properties, $defs } = node as { properties?: Record<string, object | false>; $defs?: Record<string, object> };
      for (const [name, child] of Object.entries({ ...properties, ...$defs })) {
        const described = child === false || 'description' in child || ('$ref' in child && String(child.$ref).startsWith('#/$defs/'));
        if (!described) silent.push(`${path}.${name}`);
      }
      for (const [key, child] of Object.entries(node)) walk(child, `${path}.${key}`);
    };
    for (const { kind, schema } of KINDS) walk(schema, kind);
    expect(silent).toEqual([]);
  });
});
