/** Which class comes over which link from which network, as ECharts options. Pure. */

import type { EChartsCoreOption } from 'echarts/core';
import type { Sankey } from './api';
import { escapeHtml, type Frame } from './axes';
import { lookOf, nameOf } from './categories';
import { formatBytes, formatShare } from './units';

export function drawSankey(answer: Sankey, { palette, width }: Frame): EChartsCoreOption {
  const ranks = new Map<string, number>();
  const nodes = answer.nodes.map((node, index) => {
    const rank = ranks.get(node.dimension) ?? 0;
    ranks.set(node.dimension, rank + 1);
    const depth = answer.path.indexOf(node.dimension);
    // Behind the first column only categories have colours: others would look like one of them.
    const own = depth === 0 || node.dimension === 'category';
    const colour = own ? lookOf(node.dimension, node.value, rank).colour : palette.neutral;
    const last = depth === answer.path.length - 1;
    return {
      name: String(index),
      depth,
      itemStyle: { color: colour, borderColor: palette.surface },
      label: { position: last ? 'left' : 'right' },
    };
  });
  const whole = Number(answer.total.octets) || 1;
  const name = (index: number) => labelOf(answer, index);
  return {
    tooltip: {
      trigger: 'item',
      confine: true,
      className: 'chart-tooltip',
      backgroundColor: palette.surface,
      borderColor: palette.grid,
      padding: [6, 10],
      textStyle: { color: palette.text, fontFamily: palette.font, fontSize: 12 },
      formatter: (item: { dataType: string; name: string; value: number; data: unknown }) => {
        const text =
          item.dataType === 'edge'
            ? edgeName(item.data as { source: string; target: string }, name)
            : name(Number(item.name));
        const value = `${formatBytes(item.value)}, ${formatShare(item.value / whole)}`;
        return `${escapeHtml(text)}<br><b>${value}</b>`;
      },
    },
    series: [
      {
        type: 'sankey',
        left: 8,
        right: 8,
        top: 10,
        bottom: 10,
        nodeGap: 13,
        nodeWidth: 14,
        draggable: false,
        emphasis: { focus: 'adjacency' },
        lineStyle: { color: 'source', opacity: 0.36, curveness: 0.5 },
        label: {
          color: palette.text,
          fontSize: 12,
          textBorderColor: palette.surface,
          textBorderWidth: 3,
          overflow: 'truncate',
          width: Math.max(70, width / 5),
          formatter: ({ name: index }: { name: string }) => {
            const node = answer.nodes[Number(index)];
            return node
              ? `${name(Number(index))}  ${formatShare(Number(node.octets) / whole)}`
              : '';
          },
        },
        data: nodes,
        links: answer.flows.map(({ source, target, octets }) => ({
          source: String(source),
          target: String(target),
          value: Number(octets),
        })),
      },
    ],
  };
}

function edgeName(
  { source, target }: { source: string; target: string },
  name: (index: number) => string,
): string {
  return `${name(Number(source))} → ${name(Number(target))}`;
}

/** The API knows networks' names; all else is named as everywhere. */
export function labelOf(answer: Sankey, index: number): string {
  const node = answer.nodes[index];
  if (!node) return '';
  const own = node.dimension === 'asn' && node.value !== 'other' && node.value !== '0';
  return own ? node.name : nameOf(node.dimension, node.value);
}
