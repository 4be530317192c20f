/** Categories: their fixed order in the stack, their colours; and how anything else is shown. */

import { t, tn } from './i18n.svelte';
import { networkName } from './networks.svelte';

export interface Look {
  label: string;
  colour: string;
  /** Drawn hatched: what is not known must never look like a class of its own. */
  hatched: boolean;
}

/**
 * From the zero line outwards. A category has the same colour on every chart, in both themes. Neighbours
 * differ in lightness as well as in hue, so that they can be told apart with any kind of colour
 * vision (a test holds them to it); red is left to alarms. The first two are what the product is
 * about, and stand furthest apart: orange and blue.
 */
const LOOKS: [string, string][] = [
  ['p2p', '#f0a020'],
  ['direct-download', '#1f6fb4'],
  ['web', '#8cc9ee'],
  ['streaming', '#10906a'],
  ['software-update', '#ecdf55'],
  ['gaming', '#b16fd6'],
  ['cloud-storage', '#7fd4c1'],
  ['messaging', '#8a93ea'],
  ['voip', '#efc6ec'],
  ['usenet', '#6f7d1e'],
  ['mail', '#e3cd96'],
  ['vpn', '#a8618f'],
  ['remote-access', '#c3d96b'],
  ['dns', '#2e9fb3'],
  ['network', '#dfc3a2'],
  ['unknown', '#9aa3ad'],
  ['other', '#8b8f95'],
];

const BY_NAME = new Map(
  LOOKS.map(([name, colour], place) => [name, { colour, hatched: name === 'unknown', place }]),
);
const GREY = '#8b8f95';

/** How a category is shown; one that this page does not know yet is grey, under its own name. */
export function look(category: string): Look {
  const { colour, hatched } = BY_NAME.get(category) ?? { colour: GREY, hatched: false };
  return { label: tn('category', category), colour, hatched };
}

/** Colours of what has no fixed one, by its place among the largest. */
const PALETTE = [
  ...['#1f6fb4', '#f0a020', '#10906a', '#b16fd6', '#ecdf55', '#2e9fb3', '#6f7d1e', '#efc6ec'],
  ...['#8cc9ee', '#a8618f', '#c3d96b', '#8a93ea', '#dfc3a2', '#7fd4c1', '#e3cd96'],
];

/** The look of a value of any dimension; `place` is its rank or its place in the configuration. */
export function lookOf(dimension: string, value: string, place: number): Look {
  if (dimension === 'category') return look(value);
  if (value === 'other') return { label: tn('category', 'other'), colour: GREY, hatched: false };
  const unnamed = dimension === 'service' && (value === 'none' || value === 'unattributed');
  const unknown = unnamed || value === 'unknown';
  if (unknown || (dimension === 'asn' && value === '0')) {
    return { label: nameOf(dimension, value), colour: '#9aa3ad', hatched: true };
  }
  return {
    label: nameOf(dimension, value),
    colour: PALETTE[place % PALETTE.length] ?? GREY,
    hatched: false,
  };
}

/** A value as people read it. */
export function nameOf(dimension: string, value: string): string {
  if (value === 'other') return tn('category', 'other');
  if (dimension === 'category') return tn('category', value);
  if (dimension === 'direction') return tn('side', value);
  if (dimension === 'service' && value === 'none') return t('value.noService');
  if (dimension === 'service' && value === 'unattributed') return t('value.unattributed');
  if (dimension === 'asn') return value === '0' ? t('value.noNetwork') : networkName(value);
  return value;
}

/** The order of the stack: known ones as listed, then others by name, then `unknown` and `other`. */
export function compareCategories(a: string, b: string): number {
  const last = LOOKS.length - 2;
  const place = (name: string) => BY_NAME.get(name)?.place ?? last - 0.5;
  return place(a) - place(b) || (a < b ? -1 : a > b ? 1 : 0);
}

/** All known names, in their order. */
export const CATEGORIES: readonly string[] = LOOKS.map(([name]) => name);
