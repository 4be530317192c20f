/** Writes docs/images: the overview of two minutes of the demo's recordings, light and dark. */

import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ROOT,
  Started,
  appliance,
  browser,
  byId,
  configuration,
  folder,
  newPage,
  open,
} from './support.mjs';

/** For how long traffic is played before the pictures are taken. */
const PLAYED_MS = 145_000;
/** What of it is shown: all that is written by then, whole intervals only. */
const [FIRST_MS, LAST_MS, GRID_MS] = [130_000, 30_000, 10_000];

const images = join(ROOT, 'docs/images');
const captures = join(ROOT, 'fixtures/captures');
const files = (await readdir(captures)).filter((name) => name.endsWith('.pcap')).sort();

const started = new Started();
try {
  const config = await configuration(await folder(started));
  const { address } = await appliance(started, [
    ...['replay', '--together', '--repeat', '--pace', 'real', '--rebase-to-now'],
    ...['--config', config],
    ...files.map((name) => join(captures, name)),
  ]);
  const chromium = await browser(started);
  // Open from the beginning: the links' small charts show what the page has seen.
  const looks = ['light', 'dark'];
  const pages = [];
  for (const theme of looks) {
    const { page } = await newPage(chromium, address, { colorScheme: theme });
    await open(page, address, '?from=now-5m&to=now&tz=utc');
    pages.push(page);
  }
  await sleep(PLAYED_MS);
  await mkdir(images, { recursive: true });
  const now = Math.floor(Date.now() / GRID_MS) * GRID_MS;
  for (const [place, page] of pages.entries()) {
    await byId(page, 'range-shown').click();
    await byId(page, 'range-from').fill(new Date(now - FIRST_MS).toISOString());
    await byId(page, 'range-to').fill(new Date(now - LAST_MS).toISOString());
    await byId(page, 'range-apply').click();
    const shown = new Date(now - LAST_MS).toISOString().replace('.000', '');
    await page.locator(`[data-testid=range-totals][data-to="${shown}"]`).waitFor();
    await page.locator('[data-testid=live][data-live=true]').waitFor();
    await page.evaluate(() => document.activeElement?.blur());
    await page.mouse.move(0, 0);
    const path = join(images, `overview-${looks[place]}.png`);
    await page.screenshot({ path });
    console.log(`written: ${path}`);
  }
} finally {
  await started.end();
}
