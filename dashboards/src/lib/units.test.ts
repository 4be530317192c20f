import { describe, expect, test } from 'vitest';
import {
  digitGroups,
  formatAxisRate,
  formatBytes,
  formatCapacity,
  formatDuration,
  formatExact,
  formatPacketRate,
  formatRate,
  formatShare,
  formatShort,
} from './units';

/** Test texts are written with plain spaces. */
const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ');

describe('rates and volumes', () => {
  test.each([
    [0, '0 bit/s'],
    [7, '7 bit/s'],
    [0.53, '0.53 bit/s'],
    [999, '999 bit/s'],
    [999.6, '1.00 kbit/s'],
    [1000, '1.00 kbit/s'],
    [12_345, '12.3 kbit/s'],
    [99_960, '100 kbit/s'],
    [999_499, '999 kbit/s'],
    [999_500, '1.00 Mbit/s'],
    [1_234_567_890, '1.23 Gbit/s'],
    [400e9, '400 Gbit/s'],
    [2.5e12, '2.50 Tbit/s'],
    [-1_500, '−1.50 kbit/s'],
  ])('%d bit/s', (rate, text) => expect(plain(formatRate(rate))).toBe(text));

  test('what is not known is never a zero', () => {
    for (const value of [null, undefined, NaN, Infinity]) expect(formatRate(value)).toBe('–');
    expect(formatBytes(null)).toBe('–');
    expect(formatExact(null)).toBe('–');
    expect(formatCapacity(null)).toBe('–');
  });

  test('volumes are decimal, with a small k', () => {
    expect(plain(formatBytes(1000))).toBe('1.00 kB');
    expect(plain(formatBytes(1_048_576))).toBe('1.05 MB');
    expect(plain(formatBytes(32_400_000_000_000_000n))).toBe('32.4 PB');
  });

  test('packets, counts, capacities, labels of the axis', () => {
    expect(plain(formatPacketRate(1_120_000))).toBe('1.12 Mpkt/s');
    expect(plain(formatShort(183_000))).toBe('183 k');
    expect(plain(formatShort(12))).toBe('12');
    expect(plain(formatCapacity(10e9))).toBe('10 Gbit/s');
    expect(plain(formatCapacity(2.5e9))).toBe('2.5 Gbit/s');
    expect(plain(formatCapacity(100e9))).toBe('100 Gbit/s');
    expect(plain(formatAxisRate(-2e9))).toBe('2 G');
    expect(plain(formatAxisRate(500e6))).toBe('500 M');
    expect(formatAxisRate(0)).toBe('0');
  });
});

describe('exact counts', () => {
  test.each([
    [0, ['0']],
    [999, ['999']],
    [1000, ['1', '000']],
    [123_456_789, ['123', '456', '789']],
    [18_446_744_073_709_551_615n, ['18', '446', '744', '073', '709', '551', '615']],
  ])('%s', (value, groups) => {
    expect(digitGroups(value)).toEqual(groups);
    expect(groups.join('')).toBe(String(value));
  });
});

test.each([
  [0, '0.0 %'],
  [0.0001, '<0.1 %'],
  [0.1234, '12.3 %'],
  [1, '100.0 %'],
])('share %d', (share, text) => expect(plain(formatShare(share))).toBe(text));

test.each([
  [0, '0 s'],
  [59.4, '59 s'],
  [300, '5 min'],
  [3661, '1 h 1 min'],
  [86_400, '1 d'],
  [86_405, '1 d'],
  [-3, '0 s'],
])('%d seconds', (seconds, text) => expect(plain(formatDuration(seconds))).toBe(text));
