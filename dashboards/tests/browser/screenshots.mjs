/** Writes docs/images: every page, on the Megaupload evening as if it had been yesterday's. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withPalette } from './png.mjs';
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
/** Weeks that are learnt from, and months that are compared. */
const DAYS = 75;
/** So much longer than it takes until the last picture: what is now must be there all the time. */
const AHEAD_MS = 3_600_000;
/** The links of the scenario, with what the scenario does not know: neighbours, prices. */
const LINKS = [
  ['transit-europe', 'transit', '100G', 64500, '0.12 EUR', '40G'],
  ['transit-one-operator', 'transit', '40G', 64501, '0.14 EUR', '25G'],
  ['transit-south-america', 'transit', '20G', 64502, '0.45 EUR', '15G'],
  ['ix-europe', 'ix', '100G'],
  ['pni-cloud', 'pni', '100G', 64505],
];
const images = join(ROOT, 'docs/images');

function linkOf([name, kind, capacity, asn, price, commit], at) {
  const lines = [
    `name = "${name}"`,
    `kind = "${kind}"`,
    `interface = "port${at}"`,
    `capacity = "${capacity}"`,
    asn && `neighbour_asn = ${asn}`,
    price && `price = "${price}"\ncommit = "${commit}"`,
  ];
  return `[[link]]\n${lines.filter(Boolean).join('\n')}\n`;
}

/** A scenario whose days are moved so that its evening is yesterday's. */
function moved(scenario, today) {
  const by = today - DAY_MS - Date.parse('2012-01-19');
  const day = (text) => new Date(Date.parse(text) + by).toISOString().slice(0, 10);
  // Its links are those of the configuration.
  const changes = scenario.replace(/\[\[link\]\]\n(?:.+\n)*/g, '');
  return changes.replace(/"(2012-01-\d\d)T/g, (_, text) => `"${day(text)}T`);
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
  const base = '[store]\ndata = "data"\n[api]\nlisten = "127.0.0.1:0"\n';
  await writeFile(config, [base, ...LINKS.map(linkOf)].join('\n'));
  const text = await readFile(join(ROOT, 'scenarios/megaupload-2012.toml'), 'utf8');
  await writeFile(scenario, moved(text, today));
  const simulate = ['simulate', '--config', config, '--scenario', scenario];
  const from = ['--from', time(today - DAYS * DAY_MS), '--to', time(now + AHEAD_MS)];
  await run(started, [...simulate, ...from, '--step', '5m']);
  const evening = ['--from', time(today - 7 * DAY_MS), '--to', time(now)];
  await run(started, ['backtest', '--config', config, '--record', ...evening]);
  const { address } = await appliance(started, [...simulate, '--only-serve', '--serve']);
  const { events } = await get(address, `/api/v1/events?start=${time(today - DAY_MS)}`);
  const event = events.find(({ subject }) => /megaupload/i.test(subject)) ?? events[0];

  const day = 'from=now-24h&to=now&tz=utc';
  const pages = [
    ['overview-light', `?${day}`],
    ['overview-dark', `?${day}`, { colorScheme: 'dark' }],
    ['overview-phone', `?${day}`, { viewport: { width: 390, height: 844 } }],
    ['overview-wall', `?${day}`, { viewport: { width: 1920, height: 1080 } }],
    ['overview-french', `?${day}`, { locale: 'fr-FR' }],
    ['explore', `explore?${range}&by=service&filter=category+%3D+direct-download`, {}, true],
    ['lines', `explore?${range}&chart=lines&side=in&previous=yes`, {}, true],
    ['sankey', `explore?${range}&chart=sankey`],
    ['week', `explore?${week}&chart=heatmap`],
    ['link', `link?${range}&name=transit-europe`, {}, true],
    ['service', `service?${range}&name=megaupload`],
    ['network', `network?${range}&name=15169`],
    ['events', `events?${week.replace(/&to=[^&]*/, `&to=${time(now)}`)}`],
    ['event', `event?id=${event?.id ?? ''}&tz=utc`, {}, true],
    ['event-dark', `event?id=${event?.id ?? ''}&tz=utc`, { colorScheme: 'dark' }, true],
    ['capacity', 'capacity?tz=utc', { viewport: { width: 1440, height: 620 } }],
    ['system', `system?${day}`],
  ];
  const chromium = await browser(started);
  await mkdir(images, { recursive: true });
  for (const [name, query, options = {}, fullPage = false] of pages) {
    const { page, close } = await newPage(chromium, address, options);
    await open(page, address, query);
    await page.locator('[data-testid=live][data-live=true]').waitFor();
    await loaded(page);
    const path = join(images, `${name}.png`);
    await writeFile(path, withPalette(await page.screenshot({ fullPage })));
    console.log(`written: ${path}`);
    await close();
  }
} finally {
  await started.end();
}
