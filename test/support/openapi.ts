import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { parse } from 'yaml';

/** Which part of `data/api` of the specification is meant. */
export type Api = 'client-server' | 'server-server';

const specDir = process.env['HEARTH_SPEC_DIR'];

/** Why replies are not checked against the specification, if they are not. */
export const noOpenApi =
  specDir !== undefined && existsSync(join(specDir, 'data/api'))
    ? undefined
    : 'HEARTH_SPEC_DIR does not name a copy of the Matrix specification (matrix-org/matrix-spec, v1.19)';

if (noOpenApi !== undefined) console.log(`replies are not checked against their schemas: ${noOpenApi}`);

type Node = { readonly [key: string]: unknown };
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);

interface Operation extends SpecifiedOperation {
  readonly pattern: RegExp;
  /** By status: the schema, with the file that its references start from. */
  readonly responses: ReadonlyMap<number, { readonly schema: unknown; readonly file: string }>;
  /** By status: what the specification names in the words around it. */
  readonly errcodes: ReadonlyMap<number, ReadonlySet<string>>;
}

/** An operation as the specification lists it. */
export interface SpecifiedOperation {
  readonly id: string;
  readonly method: string;
  /** `/_matrix/federation/v1/state/{roomId}` */
  readonly path: string;
}

const files = new Map<string, unknown>();
function load(file: string): unknown {
  if (!files.has(file)) files.set(file, parse(readFileSync(file, 'utf8'), { logLevel: 'silent' }));
  return files.get(file);
}

/** A schema with all that it refers to beside it, since references lead to other files, some of them in circles. */
function selfContained(schema: unknown, file: string): Node {
  const definitions: Record<string, unknown> = {};
  const names = new Map<string, string>();

  const follow = (reference: string, from: string): string => {
    const [target = '', pointer = ''] = reference.split('#');
    const targetFile = target === '' ? from : resolve(dirname(from), target);
    const whole = `${targetFile}#${pointer}`;
    const known = names.get(whole);
    if (known !== undefined) return known;
    const name = `d${names.size}`;
    names.set(whole, name);
    let node = load(targetFile);
    for (const step of pointer.split('/').filter((part) => part !== '')) node = isNode(node) ? node[step] : undefined;
    definitions[name] = rewrite(node, targetFile);
    return name;
  };

  const rewrite = (node: unknown, from: string, isMap = false): unknown => {
    if (Array.isArray(node)) return node.map((item) => rewrite(item, from));
    if (!isNode(node)) return node;
    const { $ref, ...rest } = isMap ? { ...node, $ref: undefined } : node;
    const rewritten: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(rest)) {
      if (value === undefined || (!isMap && (key === 'example' || key === 'examples'))) continue;
      rewritten[key] = rewrite(value, from, !isMap && (key === 'properties' || key === 'patternProperties'));
    }
    if (typeof $ref !== 'string') return rewritten;
    return { allOf: [{ $ref: `#/$defs/${follow($ref, from)}` }, rewritten] };
  };

  const root = rewrite(schema, file);
  return { allOf: [root], $defs: definitions };
}

function operationsIn(api: Api): readonly Operation[] {
  const folder = join(specDir ?? '', 'data/api', api);
  const all = readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => operationsOf(join(folder, name)));
  const open = ({ path }: Operation) => path.split('{').length; // `/query/profile` goes before `/query/{queryType}`
  return all.sort((a, b) => open(a) - open(b));
}

function operationsOf(file: string): readonly Operation[] {
  const document = load(file);
  const base = /basePath:\n\s+default: (\S+)/.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
  const paths = isNode(document) && isNode(document['paths']) ? document['paths'] : {};
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(isNode(item) ? item : {}).map(([method, operation]) => ({
      id: isNode(operation) ? String(operation['operationId']) : '',
      method: method.toUpperCase(),
      path: base + path.trim(),
      pattern: asPattern(base + path.trim()),
      responses: responsesOf(operation, file),
      errcodes: errcodesOf(operation, file),
    })),
  );
}

const asPattern = (path: string) =>
  new RegExp(`^${path.replace(/[.+*?^$()[\]]/g, '\\$&').replace(/\{[^}]*\}/g, '[^/]*')}/?$`);

/** The responses of an operation by status, those that stand elsewhere in the file among them. */
function statedResponses(operation: unknown, file: string): readonly (readonly [status: number, response: Node])[] {
  const responses = isNode(operation) && isNode(operation['responses']) ? operation['responses'] : {};
  return Object.entries(responses).flatMap(([status, response]) => {
    const reference = isNode(response) ? response['$ref'] : undefined;
    const steps = typeof reference === 'string' ? reference.replace('#/', '').split('/') : undefined;
    const stated = steps?.reduce<unknown>((node, step) => (isNode(node) ? node[step] : undefined), load(file));
    const found = steps === undefined ? response : stated;
    return isNode(found) ? [[Number(status), found] as const] : [];
  });
}

function responsesOf(operation: unknown, file: string): Operation['responses'] {
  const found = new Map<number, { schema: unknown; file: string }>();
  for (const [status, response] of statedResponses(operation, file)) {
    const content = isNode(response['content']) ? response['content'] : {};
    const json = content['application/json'];
    if (isNode(json) && json['schema'] !== undefined) found.set(status, { schema: json['schema'], file });
  }
  return found;
}

const errcodesOf = (operation: unknown, file: string): Operation['errcodes'] =>
  new Map(
    statedResponses(operation, file).map(([status, response]) => [
      status,
      new Set(JSON.stringify(response).match(/\bM_[A-Z_]+\b/g) ?? []),
    ]),
  );

const operations = new Map<Api, readonly Operation[]>();
const compiled = new Map<unknown, ValidateFunction>();
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });

/**
 * What is wrong with a reply by the specification's schema for it; nothing where all is well, where the specification has
 * no such endpoint, or where it is not there to compare with.
 */
export function problemsWith(api: Api, method: string, path: string, status: number, body: unknown): readonly string[] {
  if (noOpenApi !== undefined) return [];
  const operation = find(api, method, path);
  const wrong = api === 'server-server' && status >= 400 ? problemsWithError(operation?.errcodes, status, body) : [];
  if (operation === undefined || wrong.length > 0) return wrong;
  const response = operation.responses.get(status);
  if (response === undefined) {
    const isAsItMustBe = status < 400 || hasErrorShape(body) || (status === 401 && isChallenge(body));
    return isAsItMustBe ? [] : ['it is no Matrix error'];
  }
  let validate = compiled.get(response.schema);
  if (validate === undefined) {
    validate = ajv.compile(selfContained(response.schema, response.file));
    compiled.set(response.schema, validate);
  }
  if (validate(body)) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath || 'it'} ${message}`);
}

/** Whether the specification has this endpoint. */
export const isSpecified = (api: Api, method: string, path: string): boolean => find(api, method, path) !== undefined;

function all(api: Api): readonly Operation[] {
  const known = operations.get(api) ?? operationsIn(api);
  operations.set(api, known);
  return known;
}

function find(api: Api, method: string, path: string): Operation | undefined {
  return all(api).find((each) => each.method === method && each.pattern.test(path.split('?')[0] ?? ''));
}

/**
 * What any operation between servers may refuse with, whether or not its own list says so. 400, 401, 403, 404, 405 and 429 by
 * https://spec.matrix.org/v1.19/client-server-api/#standard-error-response (which server-server-api.md takes over: TLS,
 * request authentication, server ACLs, unsupported endpoints), 413 by its #common-error-codes.
 */
const forAll: Readonly<Record<number, readonly string[]>> = {
  400: ['M_BAD_JSON', 'M_NOT_JSON', 'M_INVALID_PARAM', 'M_MISSING_PARAM'],
  401: ['M_UNAUTHORIZED'],
  403: ['M_FORBIDDEN'],
  404: ['M_NOT_FOUND', 'M_UNRECOGNIZED'],
  405: ['M_UNRECOGNIZED'],
  413: ['M_TOO_LARGE'],
  429: ['M_LIMIT_EXCEEDED'],
};

function problemsWithError(own: Operation['errcodes'] | undefined, status: number, body: unknown): readonly string[] {
  if (!isNode(body) || !hasErrorShape(body)) return ['it is no Matrix error'];
  const { errcode, retry_after_ms: retryAfterMs } = body;
  const allowed = [...(forAll[status] ?? []), ...(own?.get(status) ?? [])];
  if (allowed.length === 0) return [`the operation does not answer ${status}`];
  if (!allowed.includes(String(errcode))) return [`${status} is for ${allowed.join(', ')}, and not for ${errcode}`];
  return status === 429 && typeof retryAfterMs !== 'number' ? ['retry_after_ms is missing'] : [];
}

/** Of user-interactive authentication. */
const isChallenge = (body: unknown) => isNode(body) && Array.isArray(body['flows']);

const hasErrorShape = (body: unknown) =>
  isNode(body) && typeof body['errcode'] === 'string' && typeof body['error'] === 'string';
