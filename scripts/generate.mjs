/**
 * Makes `src/backend/drive/generated/` from `schemas/`: the specs' TypeScript types and standalone validators,
 * so that neither ajv's compiler nor `eval` is in the bundles. Does nothing when its inputs haven't changed.
 */

import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import standaloneCode from 'ajv/dist/standalone/index.js';
import esbuild from 'esbuild';
import { compile } from 'json-schema-to-typescript';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const generatedFolder = path.join(root, 'src/backend/drive/generated');
const KINDS = [
  { file: 'cluster', typeName: 'ClusterSpec', validator: 'validateCluster' },
  { file: 'host', typeName: 'HostSpec', validator: 'validateHost' },
  { file: 'vm', typeName: 'VmSpec', validator: 'validateVm' },
];

/**
 * The options of the validators; a test compares the standalone ones with ajv at run time under the same. Without ajv's own
 * messages, for which PXEN has better ones, they are a seventh smaller.
 */
export const AJV_OPTIONS = { allErrors: true, discriminator: true, strict: true, strictRequired: false, strictTypes: false, messages: false };

export async function generate() {
  const schemas = await Promise.all(
    KINDS.map(async ({ file }) => readFile(path.join(root, 'schemas', `${file}.schema.json`), 'utf8')),
  );
  const fingerprint = await inputsFingerprint(schemas);
  const stampFile = path.join(generatedFolder, 'inputs.sha256');
  if ((await readIfPresent(stampFile)) === fingerprint) return false;

  await mkdir(generatedFolder, { recursive: true });
  const parsed = schemas.map((text) => JSON.parse(text));
  for (const [index, { file, typeName }] of KINDS.entries()) {
    await replaceFile(path.join(generatedFolder, `${file}Spec.ts`), await specTypes(parsed[index], typeName));
  }
  await replaceFile(path.join(generatedFolder, 'validators.js'), await validators(parsed));
  await replaceFile(path.join(generatedFolder, 'validators.d.ts'), validatorTypes());
  // Last, so that an interrupted run is done again.
  await replaceFile(stampFile, fingerprint);
  return true;
}

function specTypes(schema, typeName) {
  return compile(withoutScalarTitles(schema), typeName, {
    bannerComment: `/** Generated from schemas/ by scripts/generate.mjs. */`,
    additionalProperties: false,
    // The readers check lengths; tuples up to `maxItems` would be types of thousands of lines.
    ignoreMinAndMaxItems: true,
    customName: (node) => (node.$id === schema.$id ? typeName : undefined),
  });
}

/** A titled string would become an alias of its own wherever it is referred to with another description: Name, Name1, Name2… */
function withoutScalarTitles(schema) {
  const definitions = Object.entries(schema.$defs).map(([name, definition]) => {
    const { title, ...untitled } = definition;
    return [name, definition.type === 'string' ? untitled : { title, ...untitled }];
  });
  return { ...schema, $defs: Object.fromEntries(definitions) };
}

/** What people read in a schema decides nothing, and would make up half of the validators' code. */
function withoutAnnotations(schema) {
  if (typeof schema !== 'object' || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map(withoutAnnotations);
  const entries = Object.entries(schema).filter(([keyword]) => !['title', 'description', 'examples', 'default'].includes(keyword));
  return Object.fromEntries(entries.map(([keyword, value]) => [keyword, MAPS_OF_SCHEMAS.includes(keyword) ? mapValues(value, withoutAnnotations) : withoutAnnotations(value)]));
}

const MAPS_OF_SCHEMAS = ['properties', '$defs'];

function mapValues(object, change) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

/** ajv's standalone code still `require`s a few of its helpers; bundling makes it one module without imports. */
async function validators(schemas) {
  const ajv = new Ajv2020({ ...AJV_OPTIONS, schemas: schemas.map(withoutAnnotations), code: { source: true, esm: true, lines: true } });
  const source = standaloneCode(ajv, Object.fromEntries(KINDS.map(({ validator }, index) => [validator, schemas[index].$id])));
  const bundle = await esbuild.build({
    stdin: { contents: withSharedReports(source), resolveDir: root, loader: 'js' },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['main'],
    target: 'es2022',
    logLevel: 'error',
  });
  return bundle.outputFiles[0].text;
}

/**
 * ajv writes out for each of some hundred checks how its error is put together and kept; one function for all of them makes the code a
 * quarter smaller. What doesn't look as expected stays as it is.
 */
function withSharedReports(source) {
  const report = /const (err\d+) = \{instancePath(?::([^,;]+))?,schemaPath:("(?:[^"\\]|\\.)*"),keyword:("\w+"),params:(\{[^;]*?\})(?:,propertyName:(\w+))?\};\s*if\(vErrors === null\)\{\s*vErrors = \[\1\];\s*\}\s*else \{\s*vErrors\.push\(\1\);\s*\}/g;
  const shared = source.replace(report, (_, _name, where = 'instancePath', schema, keyword, params, key) => `vErrors = reported(vErrors, ${where}, ${schema}, ${keyword}, ${params}${key ? `, ${key}` : ''});`);
  return `${shared}
function reported(errors, instancePath, schemaPath, keyword, params, propertyName) {
  const error = propertyName === undefined ? {instancePath, schemaPath, keyword, params} : {instancePath, schemaPath, keyword, params, propertyName};
  if (errors === null) return [error];
  errors.push(error);
  return errors;
}
`;
}

function validatorTypes() {
  return [
    `import type { ErrorObject } from 'ajv';`,
    ...KINDS.map(({ file, typeName }) => `import type { ${typeName} } from './${file}Spec';`),
    '',
    'interface Validator<Spec> {',
    '  (data: unknown): data is Spec;',
    '  errors?: ErrorObject[] | null;',
    '}',
    '',
    ...KINDS.map(({ typeName, validator }) => `export declare const ${validator}: Validator<${typeName}>;`),
    '',
  ].join('\n');
}

/** Everything the output depends on: the schemas, this script and the tools' versions. */
async function inputsFingerprint(schemas) {
  const hash = createHash('sha256');
  for (const text of schemas) hash.update(text).update('\0');
  hash.update(await readFile(fileURLToPath(import.meta.url)));
  for (const tool of ['ajv', 'esbuild', 'json-schema-to-typescript']) {
    const manifest = JSON.parse(await readFile(path.join(root, 'node_modules', tool, 'package.json'), 'utf8'));
    hash.update(`${tool}@${manifest.version}\0`);
  }
  return hash.digest('hex');
}

async function readIfPresent(file) {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** By renaming, so that a build beside this one never reads half a file. */
async function replaceFile(file, text) {
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, text);
  await rename(temporary, file);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const changed = await generate();
  console.log(changed ? 'Generated spec types and validators.' : 'Spec types and validators are up to date.');
}
