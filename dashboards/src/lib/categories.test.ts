import { describe, expect, test } from 'vitest';
import { CATEGORIES, compareCategories, look } from './categories';

/** Linear RGB as somebody without one kind of cone sees it (Machado, Oliveira, Fernandes 2009). */
const SIGHT: Record<string, number[][]> = {
  'all cones': [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

function linear(hex: string): number[] {
  return [1, 3, 5].map((at) => {
    const value = parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
}

/** OKLab, in which distances are about what people see (Ottosson 2020). */
function oklab([r = 0, g = 0, b = 0]: number[]): number[] {
  const l = Math.cbrt(Math.max(0, 0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b));
  const m = Math.cbrt(Math.max(0, 0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b));
  const s = Math.cbrt(Math.max(0, 0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b));
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function distance(a: string, b: string, matrix: number[][]): number {
  const seen = (hex: string) => {
    const rgb = linear(hex);
    return oklab(matrix.map((row) => row.reduce((sum, f, at) => sum + f * (rgb[at] ?? 0), 0)));
  };
  const [left, right] = [seen(a), seen(b)];
  return Math.hypot(...left.map((value, at) => value - (right[at] ?? 0)));
}

describe.each(Object.entries(SIGHT))('colours, seen with %s', (_, matrix) => {
  test('neighbours in the stack can be told apart', () => {
    const close = CATEGORIES.slice(1).flatMap((name, place) => {
      const before = CATEGORIES[place] ?? '';
      if (look(name).hatched || name === 'other') return [];
      const apart = distance(look(name).colour, look(before).colour, matrix);
      return apart < 0.12 ? [`${before}/${name}: ${apart.toFixed(3)}`] : [];
    });
    expect(close).toEqual([]);
  });

  test('P2P and direct download can be told from everything', () => {
    for (const one of ['p2p', 'direct-download']) {
      const close = CATEGORIES.filter((name) => name !== one).flatMap((name) => {
        const apart = distance(look(name).colour, look(one).colour, matrix);
        return apart < 0.06 ? [`${one}/${name}: ${apart.toFixed(3)}`] : [];
      });
      expect(close).toEqual([]);
    }
  });
});

test('no two categories share a colour, and none is an alarm', () => {
  const colours = CATEGORIES.map((name) => look(name).colour);
  expect(new Set(colours).size).toBe(colours.length);
});

test('the order is fixed; the new stand before unknown and other', () => {
  const shuffled = ['other', 'zebra', 'unknown', 'web', 'antelope', 'direct-download', 'p2p'];
  expect(shuffled.sort(compareCategories)).toEqual([
    'p2p',
    'direct-download',
    'web',
    'antelope',
    'zebra',
    'unknown',
    'other',
  ]);
  expect(look('zebra')).toMatchObject({ label: 'zebra', hatched: false });
  expect(look('unknown').hatched).toBe(true);
});
