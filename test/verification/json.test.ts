import { expect, test } from 'vitest';
import { canonicalJson } from '../../src/adapters/comparison/json.ts';

test.each([
  ['{"b":1,"a":[1.0,2e0]}', ' { "a" : [ 1 , 2 ] , "b" : 1e0 } '],
  ['"\\u00e9\\/"', '"é/"'],
  ['{"a":1,"a":2}', '{"a":2}'],
  ['18446744073709551616', '1.8446744073709552e19'],
  ['-0', '0'],
  ['[-0.0]', '[-0.00]'],
])('%s is the same document as %s', (one, other) => {
  expect(canonicalJson(one)).toBe(canonicalJson(other));
});

test.each([
  ['9007199254740993', '9007199254740992'],
  ['18446744073709551615', '18446744073709551614'],
  ['-0.0', '0'],
  ['"1"', '1'],
  ['null', '"null"'],
  ['[]', '{}'],
  ['["a,b"]', '["a","b"]'],
  ['{"a":{}}', '{"a":[]}'],
  ['{"__proto__":1}', '{}'],
  ['not JSON', '"not JSON"'],
])('%s is another document than %s', (one, other) => {
  expect(canonicalJson(one)).not.toBe(canonicalJson(other));
});
