/** Every page, in a real browser, on the history of a simulated evening: Megaupload is shut. */

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import {
  ROOT,
  Started,
  appliance,
  browser,
  byId,
  folder,
  get,
  loaded,
  newPage,
  open,
  run,
  until,
} from './support.mjs';

const SCENARIO = join(ROOT, 'scenarios/megaupload-2012.toml');
/** Of the evening; learnt from are the weeks before. */
const EVENING = 'from=2012-01-19T12:00:00Z&to=2012-01-20T02:00:00Z&tz=utc';
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const PAGES = {
  overview: `?${EVENING}`,
  explore: `explore?${EVENING}`,
  sankey: `explore?${EVENING}&chart=sankey`,
  week: `explore?${EVENING}&chart=heatmap`,
  link: `link?${EVENING}&name=transit-europe`,
  service: `service?${EVENING}&name=megaupload`,
  network: `network?${EVENING}&name=29748`,
  events: `events?${EVENING}`,
  capacity: 'capacity?tz=utc',
  system: `system?${EVENING}`,
};

describe('the pages', () => {
  const started = new Started();
  let address, chromium, event;

  before(async () => {
    const directory = await folder(started);
    const config = join(directory, 'etiage.toml');
    await writeFile(config, '[store]\ndata = "data"\n[api]\nlisten = "127.0.0.1:0"\n');
    const simulate = ['simulate', '--config', config, '--scenario', SCENARIO];
    const when = ['--from', '2012-01-04', '--to', '2012-01-20T02:00:00Z', '--step', '5m'];
    await run(started, [...simulate, ...when]);
    const judged = ['--from', '2012-01-19T12:00:00Z', '--to', '2012-01-20T02:00:00Z'];
    await run(started, ['backtest', '--config', config, '--record', ...judged]);
    ({ address } = await appliance(started, [...simulate, '--only-serve', '--serve']));
    chromium = await browser(started);
    const { events } = await get(
      address,
      '/api/v1/events?start=2012-01-19T12:00:00Z&end=2012-01-20T02:00:00Z',
    );
    event = events.find(({ subject }) => /megaupload/i.test(subject)) ?? events[0];
    assert.ok(event, 'the evening is an event');
  });
  after(() => started.end());

  /** A page that must not have had any problem when the test ends. */
  async function view(test, query, options = {}) {
    const { page, problems, close } = await newPage(chromium, address, options);
    test.after(async () => {
      await close();
      assert.deepEqual(problems, []);
    });
    await open(page, address, query);
    return page;
  }

  /** Names what axe-core finds serious; its script is run by the browser, not by the page. */
  async function barriers(page) {
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() =>
      window.axe.run(document, { resultTypes: ['violations'] }),
    );
    return violations
      .filter(({ impact }) => ['serious', 'critical'].includes(impact))
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 150)).join(' | ')}`);
  }

  for (const [name, query] of [...Object.entries(PAGES), ['event', null]]) {
    it(`${name}: every panel says something, to everybody, on a phone as well`, async (test) => {
      const page = await view(test, query ?? `event?id=${event.id}&tz=utc`);
      const states = await page
        .locator('[data-testid^=panel-]')
        .evaluateAll((panels) =>
          panels.map(({ dataset }) => [dataset.testid.slice(6), dataset.state]),
        );
      assert.ok(states.length > 0);
      for (const [panel, state] of states) {
        assert.ok(['shown', 'empty', 'partial'].includes(state), `${panel} is ${state}`);
      }
      assert.deepEqual(await barriers(page), []);
      await page.setViewportSize({ width: 390, height: 844 });
      const [needed, given] = await page.evaluate(() => [
        document.documentElement.scrollWidth,
        document.documentElement.clientWidth,
      ]);
      assert.ok(needed <= given, `${needed} px are needed, ${given} are there`);
    });
  }

  it('is legible in the dark', async (test) => {
    const page = await view(test, PAGES.overview, { colorScheme: 'dark' });
    assert.deepEqual(await barriers(page), []);
  });

  /** A panel's file, as rows. */
  async function csv(page, panel) {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      byId(page, `${panel}-csv`).click(),
    ]);
    const text = readFileSync(await download.path(), 'utf8');
    return text
      .trim()
      .split('\r\n')
      .map((line) => line.split(','));
  }

  it('draws the API’s numbers', async (test) => {
    const page = await view(test, PAGES.explore);
    const [head, ...rows] = await csv(page, 'explore');
    const asked = 'from=2012-01-19T12:00:00Z&to=2012-01-20T02:00:00Z&step=300';
    const answer = await get(address, `/api/v1/volumes?${asked}&group_by=category,direction`);
    assert.equal(rows.length, answer.buckets.length);
    for (const { group, octets } of answer.series) {
      const column = head.indexOf(`${group.category} ${group.direction}_bps`);
      assert.ok(column > 0, `${group.category} ${group.direction} is not in ${head}`);
      const drawn = rows.map((row) => Number(row[column]));
      assert.deepEqual(
        drawn,
        octets.map((count) => (count * 8) / 300),
      );
    }
    const { rows: totals } = await get(
      address,
      '/api/v1/totals?from=2012-01-19T12:00:00Z&to=2012-01-20T02:00:00Z&group_by=direction',
    );
    for (const { group, octets } of totals) {
      const cell = page.locator(
        `[data-testid=statistics-whole] [data-testid=total-${group.direction}]`,
      );
      assert.equal(await cell.getAttribute('data-value'), String(octets));
    }
  });

  it('tells the largest apart, and adds the rest up', async (test) => {
    const page = await view(test, `explore?${EVENING}&by=service&top=5`);
    const keys = await byId(page, 'statistics-row').evaluateAll((rows) =>
      rows.map((row) => row.dataset.key),
    );
    const { rows } = await get(
      address,
      '/api/v1/totals?from=2012-01-19T12:00:00Z&to=2012-01-20T02:00:00Z&group_by=service&top=5',
    );
    assert.deepEqual(
      keys,
      rows.map(({ group }) => group.service),
    );
  });

  it('filters: completes, says where an error is, and takes what is clicked', async (test) => {
    const page = await view(test, PAGES.explore);
    const filter = byId(page, 'filter');
    await filter.fill('catego');
    await byId(page, 'completion').filter({ hasText: 'category' }).first().click();
    assert.match(await filter.inputValue(), /^category /);
    await filter.fill('colour = red');
    await byId(page, 'filter-error').waitFor();
    assert.equal(await page.locator('[data-testid=filter-error] mark').innerText(), 'colour');
    await filter.fill('');
    await byId(page, 'filter-apply').click();
    await byId(page, 'pick-p2p').click();
    await page.waitForURL(/filter=category\+%3D\+p2p/);
    await until('only P2P', 10_000, async () => {
      const keys = await byId(page, 'statistics-row').evaluateAll((rows) =>
        rows.map((row) => row.dataset.key),
      );
      return keys.length === 1 && keys[0] === 'p2p';
    });
  });

  it('zooms by dragging, and comes back', async (test) => {
    const page = await view(test, PAGES.explore);
    const box = await byId(page, 'explore-chart').boundingBox();
    const y = box.y + box.height / 2;
    await page.mouse.move(box.x + box.width * 0.4, y);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, y, { steps: 4 });
    await page.mouse.up();
    await page.waitForURL((url) => url.searchParams.get('from') !== '2012-01-19T12:00:00Z');
    const { searchParams } = new URL(page.url());
    const [from, to] = ['from', 'to'].map((name) => Date.parse(searchParams.get(name)));
    const hours = (to - from) / 3_600_000;
    assert.ok(hours > 2 && hours < 4, `${hours} h of 14 h`);
    await page.goBack();
    await page.waitForURL(/from=2012-01-19T12:00:00Z/);
  });

  it('opens to the same screen from its address, and from a saved view', async (test) => {
    const query = `explore?v=1&${EVENING}&by=link,category&chart=lines&side=in&top=3&previous=yes`;
    const page = await view(test, query);
    const screen = async (of) => {
      await loaded(of);
      return of.locator('[data-testid=statistics]').innerText();
    };
    const first = await screen(page);
    const again = await view(
      test,
      new URL(page.url()).pathname.slice(1) + new URL(page.url()).search,
    );
    assert.equal(await screen(again), first);
  });

  it('opens an event from its mark, and the link and the time behind it', async (test) => {
    const page = await view(test, PAGES.overview);
    await byId(page, `mark-${event.id}`).click({ force: true });
    await page.waitForURL(/\/event\?/);
    await loaded(page);
    assert.equal(await byId(page, 'event-subject').innerText(), `▼ ${event.subject}`);
    const depth = byId(page, 'event-depth');
    assert.equal(Number(await depth.getAttribute('data-value')), event.depth_percent);
    const [, ...rows] = await csv(page, 'fall');
    const series = await get(address, `/api/v1/events/${event.id}/series`);
    assert.deepEqual(
      rows.map(([time, value]) => [time, value === '' ? null : Number(value)]),
      series.times.map((time, at) => [time, series.values[at]]),
    );
  });

  it('acknowledges and comments', async (test) => {
    const page = await view(test, `event?id=${event.id}`);
    await byId(page, 'note-text').fill('servers were seized <b>');
    await byId(page, 'note-comment').click();
    await byId(page, 'notes').getByText('servers were seized <b>').waitFor();
    await byId(page, 'note-acknowledge').click();
    await byId(page, 'note-unacknowledge').waitFor();
    const { acknowledged } = await get(address, `/api/v1/events/${event.id}`);
    assert.ok(acknowledged?.by);
  });

  it('speaks French to who prefers it, and switches', async (test) => {
    const page = await view(test, PAGES.overview, { locale: 'fr-FR' });
    assert.equal(await page.locator('h1').innerText(), 'Vue d’ensemble');
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'fr');
    await byId(page, 'language').click();
    assert.equal(await page.locator('h1').innerText(), 'Overview');
    assert.match(page.url(), /lang=en/);
  });

  it('makes a picture of a panel', async (test) => {
    const page = await view(test, PAGES.overview);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      byId(page, 'traffic-png').click(),
    ]);
    const picture = readFileSync(await download.path());
    assert.deepEqual([...picture.subarray(1, 4)], [...Buffer.from('PNG')]);
    assert.ok(picture.readUInt32BE(16) > 1000, 'at twice its size');
  });

  it('shows the clock of any zone', async (test) => {
    const page = await view(test, PAGES.overview);
    await byId(page, 'timezone').selectOption('Asia/Kathmandu');
    assert.match(page.url(), /tz=Asia\/Kathmandu/);
    assert.match(await byId(page, 'chart-range').innerText(), /17:45:00/);
  });

  it('weighs little', () => {
    const assets = join(ROOT, 'dashboards/dist/assets');
    const scripts = readdirSync(assets).filter((name) => name.endsWith('.js'));
    const octets = scripts.reduce(
      (sum, name) => sum + gzipSync(readFileSync(join(assets, name))).length,
      0,
    );
    assert.ok(octets > 0 && octets <= 600_000, `${octets} octets of JavaScript`);
  });
});
