/** Writes docs/images: every page, on the Megaupload evening as if it had been yesterday's. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ROOT,
  Started,
  appliance,
  browser,
  folder,
  get,
  loaded,
  newPage,
  open,
  run,
} from './support.mjs';

const DAY_MS = 86_400_000;
/** Weeks that are learnt from, and of which a forecast is made. */
const DAYS = 32;
const images = join(ROOT, 'docs/images');

/** A scenario whose days are moved so that its evening is yesterday's. */
function moved(scenario, today) {
  const by = today - DAY_MS - Date.parse('2012-01-19');
  const day = (text) => new Date(Date.parse(text) + by).toISOString().slice(0, 10);
  return scenario.replace(/"(2012-01-\d\d)T/g, (_, text) => `"${day(text)}T`);
}

const now = Math.floor(Date.now() / 300_000) * 300_000;
const today = Math.floor(now / DAY_MS) * DAY_MS;
const time = (at) => new Date(at).toISOString().replace('.000', '');
const range = `from=${time(today - DAY_MS / 2)}&to=${time(now)}&tz=utc`;
const week = `from=${time(today - 14 * DAY_MS)}&to=${time(today)}&tz=utc`;

const started = new Started();
try {
  const directory = await folder(started);
  const config = join(directory, 'etiage.toml');
  const scenario = join(directory, 'scenario.toml');
  await writeFile(config, '[store]\ndata = "data"\n[api]\nlisten = "127.0.0.1:0"\n');
  const text = await readFile(join(ROOT, 'scenarios/megaupload-2012.toml'), 'utf8');
  await writeFile(scenario, moved(text, today));
  const simulate = ['simulate', '--config', config, '--scenario', scenario];
  const from = ['--from', time(today - DAYS * DAY_MS), '--to', time(now)];
  await run(started, [...simulate, ...from, '--step', '5m']);
  const evening = ['--from', time(today - DAY_MS / 2), '--to', time(now)];
  await run(started, ['backtest', '--config', config, '--record', ...evening]);
  const { address } = await appliance(started, [...simulate, '--only-serve', '--serve']);
  const { events } = await get(address, `/api/v1/events?start=${time(today - DAY_MS)}`);
  const event = events.find(({ subject }) => /megaupload/i.test(subject)) ?? events[0];

  const pages = [
    ['overview-light', `?${range}`],
    ['overview-dark', `?${range}`, { colorScheme: 'dark' }],
    ['overview-phone', `?${range}`, { viewport: { width: 390, height: 844 } }],
    ['overview-wall', `?${range}`, { viewport: { width: 1920, height: 1080 } }],
    ['overview-french', `?${range}&lang=fr`],
    ['explore', `explore?${range}&by=service&filter=category+%3D+direct-download`],
    ['sankey', `explore?${range}&chart=sankey`],
    ['week', `explore?${week}&chart=heatmap`],
    ['link', `link?${range}&name=transit-europe`, {}, true],
    ['service', `service?${range}&name=megaupload`],
    ['network', `network?${range}&name=15169`],
    ['events', `events?${week.replace(/&to=[^&]*/, `&to=${time(now)}`)}`],
    ['event', `event?id=${event?.id ?? ''}&tz=utc`, {}, true],
    ['capacity', 'capacity?tz=utc'],
    ['system', `system?${range}`],
  ];
  const chromium = await browser(started);
  await mkdir(images, { recursive: true });
  for (const [name, query, options = {}, fullPage = false] of pages) {
    const { page, close } = await newPage(chromium, address, options);
    await open(page, address, query);
    await page.locator('[data-testid=live][data-live=true]').waitFor();
    await loaded(page);
    const path = join(images, `${name}.png`);
    await page.screenshot({ path, fullPage });
    console.log(`written: ${path}`);
    await close();
  }
} finally {
  await started.end();
}
