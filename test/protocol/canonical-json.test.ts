import { expect, test } from 'vitest';
import { canonicalJson } from '../../main/protocol/canonical-json.ts';
import { type JsonValue, parseJson } from '../../main/protocol/json.ts';

const canonical = (text: string) => canonicalJson(parseJson(text).value);

// https://spec.matrix.org/v1.19/appendices/#canonical-json, in the order of the specification
const specVectors: readonly (readonly [input: string, output: string])[] = [
  ['{}', '{}'],
  ['{ "one": 1, "two": "Two" }', '{"one":1,"two":"Two"}'],
  ['{ "b": "2", "a": "1" }', '{"a":"1","b":"2"}'],
  ['{"b":"2","a":"1"}', '{"a":"1","b":"2"}'],
  [
    `{ "auth": { "success": true, "mxid": "@john.doe:example.com", "profile": { "display_name": "John Doe",
      "three_pids": [ { "medium": "email", "address": "john.doe@example.org" },
        { "medium": "msisdn", "address": "123456789" } ] } } }`,
    '{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[{"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}]},"success":true}}',
  ],
  ['{ "a": "日本語" }', '{"a":"日本語"}'],
  ['{ "本": 2, "日": 1 }', '{"日":1,"本":2}'],
  ['{ "a": "\\u65E5" }', '{"a":"日"}'],
  ['{ "a": null }', '{"a":null}'],
  ['{ "a": -0, "b": 1e10 }', '{"a":0,"b":10000000000}'],
];
test.each(specVectors)('%s', (input, output) => {
  expect(canonical(input)).toBe(output);
  expect(canonicalJson(JSON.parse(input) as JsonValue)).toBe(output);
});
