import { describe, expect, test } from 'vitest';
import type { Series, Volumes } from './api';
import { chartOf as chartIn, coordinates, highest, mean, pointsOf, withRest } from './series';

const START = Date.parse('2026-01-31T18:00:00Z');
const LONG_AFTER = START + 86_400_000;

/** Shown is what was counted, where a test does not say otherwise. */
const chartOf = (answer: Volumes, now: number) =>
  chartIn(answer, {
    interval: { from: Date.parse(answer.from), to: Date.parse(answer.to) },
    now,
    dimensions: ['category'],
  });

function series(category: string, direction: string, octets: (number | null)[]): Series {
  const total = octets.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  return {
    group: { category, direction },
    octets,
    packets: octets,
    flows: octets,
    total: { octets: total, packets: total, flows: total },
  };
}

/** Buckets of ten seconds from START on. */
function volumes(observed: boolean[], list: Series[], change: Partial<Volumes> = {}): Volumes {
  return {
    from: new Date(START).toISOString(),
    to: new Date(START + observed.length * 10_000).toISOString(),
    step_seconds: 10,
    buckets: observed.map((_, place) => new Date(START + place * 10_000).toISOString()),
    observed,
    series: list,
    group_by: [],
    groups: list.length,
    ...change,
  };
}

describe('rates', () => {
  const chart = chartOf(
    volumes(
      [true, true, false, true],
      [
        series('unknown', 'in', [10, 0, null, 5]),
        series('p2p', 'in', [1250, 2500, null, 0]),
        series('p2p', 'out', [125, 250, null, 375]),
      ],
    ),
    LONG_AFTER,
  );

  test('are octets times eight by the step, in the order of the stack', () => {
    expect(chart.layers).toMatchObject([
      { key: 'p2p', in: [1000, 2000, null, 0], out: [100, 200, null, 300] },
      // Observed, and nothing of it went out: that is a zero. Not observed is not.
      { key: 'unknown', hatched: true, in: [8, 0, null, 4], out: [0, 0, null, 0] },
    ]);
    expect(chart.total).toEqual({ in: [1008, 2000, null, 4], out: [100, 200, null, 300] });
  });

  test('gaps are counted and placed', () => {
    expect(chart.unobserved).toBe(1);
    expect(chart.gaps).toEqual([{ from: START + 20_000, to: START + 30_000 }]);
  });

  test('a gap is shaded within what is shown; the API counts whole buckets around it', () => {
    const shown = { from: START + 25_000, to: START + 35_000 };
    const list = [series('p2p', 'in', [1, 2, null, 3])];
    const part = chartIn(volumes([true, true, false, true], list), {
      ...{ interval: shown, now: LONG_AFTER, dimensions: ['category'] },
    });
    expect(part.interval).toEqual(shown);
    expect(part.starts).toHaveLength(4);
    expect(part.gaps).toEqual([{ from: START + 25_000, to: START + 30_000 }]);
  });

  test('a number for a bucket that nobody observed is not believed', () => {
    const wrong = volumes([false, true], [series('p2p', 'in', [0, 1])]);
    expect(chartOf(wrong, LONG_AFTER).layers[0]?.in).toEqual([null, 0.8]);
  });

  test('mean and peak leave out what is not known', () => {
    expect(mean(chart.total.in)).toBe((1008 + 2000 + 4) / 3);
    expect(highest(chart.total.in)).toBe(2000);
    expect(mean([null])).toBeNull();
    expect(highest([])).toBeNull();
  });
});

describe('incomplete buckets', () => {
  const five = volumes(Array(5).fill(true), [series('p2p', 'in', [1, 2, 3, 4, 5])]);
  const drawn = (now: number, change: Partial<Volumes> = {}) =>
    chartOf({ ...five, ...change }, now).starts.map((start) => (start - START) / 10_000);

  test('the last one is left out until it is over and had time to be written', () => {
    expect(drawn(START + 64_000)).toEqual([0, 1, 2]);
    expect(drawn(START + 79_999)).toEqual([0, 1, 2, 3]);
    expect(drawn(START + 80_000)).toEqual([0, 1, 2, 3, 4]);
  });

  test('so are those that the range covers in part', () => {
    expect(drawn(LONG_AFTER, { from: new Date(START + 3000).toISOString() })).toEqual([1, 2, 3, 4]);
    expect(drawn(LONG_AFTER, { to: new Date(START + 49_000).toISOString() })).toEqual([0, 1, 2, 3]);
  });

  test('what is still due is no gap; what is overdue is one', () => {
    const late = volumes([true, true, false], [series('p2p', 'in', [1, 2, null])]);
    expect(chartOf(late, START + 65_000).unobserved).toBe(0);
    expect(chartOf(late, START + 65_000).starts).toHaveLength(2);
    expect(chartOf(late, START + 300_000).unobserved).toBe(1);
  });
});

describe('lines', () => {
  const chart = chartOf(
    volumes(
      [true, true, false, true, false],
      [series('p2p', 'in', [10, 20, null, 30, null]), series('p2p', 'out', [1, 0, null, 3, null])],
    ),
    LONG_AFTER,
  );
  const points = pointsOf(chart.starts, 10_000, chart.total.in);

  test('a run goes from the start of its first to the end of its last bucket', () => {
    expect(points.map(({ at, bucket }) => [(at - START) / 1000, bucket])).toEqual([
      [0, 0],
      [5, 0],
      [15, 1],
      [20, 1],
      // Not observed: the point breaks the line.
      [25, 2],
      [30, 3],
      [35, 3],
      [40, 3],
      [45, 4],
    ]);
  });

  test('out is mirrored, the break between runs is null, zero has no sign', () => {
    const y = (direction: 'in' | 'out') =>
      coordinates(points, chart.layers[0]?.[direction] ?? [], direction).map(([, value]) => value);
    expect(y('in')).toEqual([8, 8, 16, 16, null, 24, 24, 24, null]);
    expect(y('out')).toEqual([-0.8, -0.8, 0, 0, null, -2.4, -2.4, -2.4, null]);
    expect(y('out').some((value) => Object.is(value, -0))).toBe(false);
  });

  test('every series has the same number of points: ECharts stacks by place', () => {
    for (const layer of chart.layers) {
      expect(coordinates(points, layer.in, 'in')).toHaveLength(points.length);
      expect(coordinates(points, layer.out, 'out')).toHaveLength(points.length);
    }
  });
});

test('no series and no buckets draw nothing', () => {
  const empty = chartOf(volumes([], []), LONG_AFTER);
  expect(empty.layers).toEqual([]);
  expect(pointsOf(empty.starts, 10_000, empty.total.in)).toEqual([]);
});

describe('other dimensions', () => {
  const of = (group: Record<string, string>, octets: number[]): Series => ({
    ...series('', '', octets),
    group,
  });
  const answer = volumes(
    [true, true],
    [
      of({ service: 'b', direction: 'in' }, [10, 10]),
      of({ service: 'other', direction: 'in' }, [50, 50]),
      of({ service: 'a', direction: 'out' }, [30, 30]),
    ],
  );
  const settings = {
    interval: { from: START, to: START + 20_000 },
    now: LONG_AFTER,
    dimensions: ['service'],
  };

  test('the largest first, the rest last and grey', () => {
    const { layers, mirrored } = chartIn(answer, settings);
    expect(mirrored).toBe(true);
    expect(layers.map(({ key, label }) => [key, label])).toEqual([
      ['a', 'a'],
      ['b', 'b'],
      ['other', 'Other'],
    ]);
    expect(layers[2]?.colour).toBe('#8b8f95');
  });

  test('packets are counted by the second, not by the bit', () => {
    expect(chartIn(answer, { ...settings, measure: 'packets' }).layers[0]?.out).toEqual([3, 3]);
  });

  test('direction as a dimension is not mirrored', () => {
    const chart = chartIn(answer, { ...settings, dimensions: ['service', 'direction'] });
    expect(chart.mirrored).toBe(false);
    expect(chart.layers.map(({ key }) => key)).toEqual(['other · in', 'a · out', 'b · in']);
  });

  test('the period before stands bucket by bucket beside this one', () => {
    const previous = { ...answer, series: [of({ service: 'a', direction: 'out' }, [5, 6])] };
    const chart = chartIn({ ...answer, previous }, settings);
    expect(chart.layers[0]?.before?.out).toEqual([4, 4.8]);
    expect(chart.before).toEqual({ in: [0, 0], out: [4, 4.8] });
  });

  test('what the listed leave of the whole is the rest, exactly', () => {
    const big = 9_007_199_254_740_993n;
    const whole = volumes([true], [of({ direction: 'in' }, [0])]);
    const [all] = whole.series;
    if (all) Object.assign(all, { octets: [big], total: { octets: big, packets: 9, flows: 3 } });
    const listed = volumes([true], [of({ service: 'a', direction: 'in' }, [3])]);
    const rest = withRest(listed, whole, ['service']).series[1];
    expect(rest?.group).toEqual({ service: 'other', direction: 'in' });
    expect(rest?.octets).toEqual([Number(big - 3n)]);
    expect(rest?.total.octets).toBe(Number(big - 3n));
  });
});
