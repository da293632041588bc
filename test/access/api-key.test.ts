import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hashKey, isKey, looksLikeKey, writeKey } from '../../src/access/api-key.ts';
import { fuzz } from '../support/fuzz.ts';

const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
const kinds = fc.constantFrom('secret' as const, 'publishable' as const);

describe('a key', () => {
  // Written by another program, with another CRC-32 and SHA-256.
  test.each([
    [
      'secret' as const,
      Uint8Array.from({ length: 32 }, (_, index) => index),
      'lgs_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf4Se1wL',
      '41379129541c09fb7819797fde98daa58d900bcce68238450a8f0673b0422fc0',
    ],
    [
      'publishable' as const,
      new Uint8Array(32).fill(255),
      'lgp_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp11N3S4W',
      '3d82a165e99aaefe636f0884a92894916e1e8ae0a97e9352817f425523672a74',
    ],
    [
      'secret' as const,
      new Uint8Array(32),
      'lgs_000000000000000000000000000000000000000000044pOwH',
      '2d77466e2271a35e35e76bb9fb301d9b1fb681aebae3e9eaebddd26fe1151fec',
    ],
  ])('(%s) is prefix, base62 of 256 bits and base62 of their CRC-32', (kind, random, key, hash) => {
    expect(writeKey(kind, random)).toBe(key);
    expect(hashKey(key)).toBe(hash);
  });

  test('has 53 characters whatever its bits, and is recognised', () => {
    fc.assert(
      fc.property(kinds, bytes, (kind, random) => {
        const key = writeKey(kind, random);
        expect([key.length, isKey(key), looksLikeKey(key)]).toEqual([53, true, true]);
      }),
      fuzz(20),
    );
  });

  test('with one character mistyped, or two swapped, is not recognised', () => {
    const character = fc.stringMatching(/^[0-9A-Za-z]$/);
    fc.assert(
      fc.property(kinds, bytes, fc.integer({ min: 0, max: 51 }), character, (kind, random, at, typed) => {
        const key = writeKey(kind, random);
        const mistyped = key.slice(0, at) + typed + key.slice(at + 1);
        const swapped = key.slice(0, at) + key[at + 1] + key[at] + key.slice(at + 2);
        expect(isKey(mistyped)).toBe(mistyped === key);
        expect(isKey(swapped)).toBe(swapped === key);
      }),
      fuzz(20),
    );
  });

  test('needs all its random bytes', () => {
    expect(() => writeKey('secret', new Uint8Array(31))).toThrow('32 random bytes');
  });
});
