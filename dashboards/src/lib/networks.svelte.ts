/** Names of networks, learnt from the API as they come up. */

import { SvelteMap } from 'svelte/reactivity';
import type { Api } from './api';

const names = new SvelteMap<string, string | null>();

/** "AS64500", with the network's name where it is known. */
export function networkName(asn: string): string {
  const name = names.get(asn);
  return name ? `${name} · AS${asn}` : `AS${asn}`;
}

/** Asks for the names of numbers that are new; without an answer the numbers stand for themselves. */
export async function learnNetworks(api: Api, asns: Iterable<string>): Promise<void> {
  const unknown = [...new Set(asns)].filter((asn) => /^[1-9]\d*$/.test(asn) && !names.has(asn));
  if (unknown.length === 0) return;
  for (const asn of unknown) names.set(asn, null);
  try {
    const { networks } = await api.get<{ networks: { asn: number; name: string | null }[] }>(
      'networks',
      { asn: unknown.slice(0, 200).join(',') },
    );
    for (const { asn, name } of networks) names.set(String(asn), name);
  } catch {
    for (const asn of unknown) names.delete(asn);
  }
}
