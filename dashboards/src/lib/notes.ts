/** What a panel says about what is missing. */

import { t } from './i18n.svelte';
import type { Chart } from './series';

/** Nothing at all, with what to do; null where there is something to draw. */
export function emptyChart(chart: Chart | null): { title: string; text: string } | null {
  if (!chart || chart.layers.some(({ totals }) => some(totals.in) || some(totals.out))) return null;
  const observed = chart.starts.length - chart.unobserved;
  return observed === 0
    ? { title: t('empty.unknown'), text: t('empty.unknownWhat') }
    : { title: t('empty.quiet'), text: t('empty.quietWhat') };
}

function some(volume: { packets: number | bigint } | null): boolean {
  return volume !== null && BigInt(volume.packets) > 0n;
}

/** Some is missing. */
export function partialChart(chart: Chart | null): string | null {
  if (!chart) return null;
  if (chart.starts.length === 0) return t('partial.early');
  if (chart.unobserved === 0) return null;
  return t('partial.gaps', { gaps: chart.unobserved, all: chart.starts.length });
}
