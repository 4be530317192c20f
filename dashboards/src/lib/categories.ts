/** Categories: their fixed order in the stack, their names for people, their colours. */

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
const LOOKS: [string, string, string][] = [
  ['p2p', 'P2P', '#f0a020'],
  ['direct-download', 'Direct download', '#1f6fb4'],
  ['web', 'Web', '#8cc9ee'],
  ['streaming', 'Streaming', '#10906a'],
  ['software-update', 'Software update', '#ecdf55'],
  ['gaming', 'Gaming', '#b16fd6'],
  ['cloud-storage', 'Cloud storage', '#7fd4c1'],
  ['messaging', 'Messaging', '#8a93ea'],
  ['voip', 'VoIP', '#efc6ec'],
  ['usenet', 'Usenet', '#6f7d1e'],
  ['mail', 'Mail', '#e3cd96'],
  ['vpn', 'VPN', '#a8618f'],
  ['remote-access', 'Remote access', '#c3d96b'],
  ['dns', 'DNS', '#2e9fb3'],
  ['network', 'Network', '#dfc3a2'],
  ['unknown', 'Unknown', '#9aa3ad'],
  ['other', 'Other', '#8b8f95'],
];

const BY_NAME = new Map<string, Look & { place: number }>(
  LOOKS.map(([name, label, colour], place) => [
    name,
    { label, colour, hatched: name === 'unknown', place },
  ]),
);

/** How a category is shown; one that this page does not know yet is grey, under its own name. */
export function look(category: string): Look {
  return BY_NAME.get(category) ?? { label: category, colour: '#8b8f95', hatched: false };
}

/** The order of the stack: known ones as listed, then others by name, then `unknown` and `other`. */
export function compareCategories(a: string, b: string): number {
  const last = LOOKS.length - 2;
  const place = (name: string) => BY_NAME.get(name)?.place ?? last - 0.5;
  return place(a) - place(b) || (a < b ? -1 : a > b ? 1 : 0);
}

/** All known names, in their order. */
export const CATEGORIES: readonly string[] = LOOKS.map(([name]) => name);
