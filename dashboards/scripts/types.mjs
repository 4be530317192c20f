/**
 * The API's types, made from its OpenAPI document: `node scripts/types.mjs` writes them, with `--check` it only says
 * whether they are as they should be.
 */

import { readFile, writeFile } from 'node:fs/promises';
import openapi, { astToString } from 'openapi-typescript';
import ts from 'typescript';

const DOCUMENT = new URL('../../api/openapi.json', import.meta.url);
const TYPES = new URL('../src/lib/schema.d.ts', import.meta.url);
const HEAD = `/** Made from api/openapi.json by \`npm run types\`: not to be edited. */

import type { Count } from './units';

`;

/** Integers of 64 bits that stay far below 2^53 whatever is counted: rates, times, and how many of a few. */
const SMALL =
  /(_bps|_pps|_us|_per_second|seconds|seconds_since|bins|groups|records|segments|step|^active|^capacity|^names|^peers|^counts|^queued_rows)$/;

/** Leaves the format of 64 bits to what may pass 2^53. */
function markSmall(schema) {
  for (const [name, value] of Object.entries(schema ?? {})) {
    if (typeof value !== 'object') continue;
    if (SMALL.test(name)) unmark(value);
    markSmall(value);
  }
}

function unmark(schema) {
  if (schema?.format === 'int64') delete schema.format;
  if (schema?.items) unmark(schema.items);
}

const count = ts.factory.createTypeReferenceNode('Count');

/** What may pass 2^53 arrives as a bigint when it does (see api.ts). */
function transform(schema) {
  if (schema.format !== 'int64') return undefined;
  const nullable = Array.isArray(schema.type) && schema.type.includes('null');
  const none = ts.factory.createLiteralTypeNode(ts.factory.createNull());
  return nullable ? ts.factory.createUnionTypeNode([count, none]) : count;
}

const document = JSON.parse(await readFile(DOCUMENT, 'utf8'));
markSmall(document.components.schemas);
const made = HEAD + astToString(await openapi(document, { transform, alphabetize: true }));
if (!process.argv.includes('--check')) {
  await writeFile(TYPES, made);
} else if ((await readFile(TYPES, 'utf8')) !== made) {
  console.error('src/lib/schema.d.ts is not what api/openapi.json says: npm run types');
  process.exit(1);
}
