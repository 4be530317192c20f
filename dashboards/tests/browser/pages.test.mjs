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
  let address, chromium, event, config, server;

  before(async () => {
    const directory = await folder(started);
    config = join(directory, 'etiage.toml');
    await writeFile(config, '[store]\ndata = "data"\n[api]\nlisten = "127.0.0.1:0"\n');
    const simulate = ['simulate', '--config', config, '--scenario', SCENARIO];
    const when = ['--from', '2012-01-04', '--to', '2012-01-20T02:00:00Z', '--step', '5m'];
    await run(started, [...simulate, ...when]);
    const judged = ['--from', '2012-01-19T12:00:00Z', '--to', '2012-01-20T02:00:00Z'];
    await run(started, ['backtest', '--config', config, '--record', ...judged]);
    server = await appliance(started, [...simulate, '--only-serve', '--serve']);
    ({ address } = server);
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

  it('shows the API’s numbers on the other pages as well', async (test) => {
    const range = 'from=2012-01-19T12:00:00Z&to=2012-01-20T02:00:00Z';
    const page = await view(test, PAGES.link);
    const shown = (id) => byId(page, id).first().getAttribute('data-value');
    const report = await get(address, '/api/v1/report?link=transit-europe&month=2012-01');
    assert.equal(await shown('p95-in'), String(report.in.p95_bps));
    assert.equal(await shown('link-p95'), String(report.p95_max_bps));

    await open(page, address, PAGES.service);
    const service = await get(address, `/api/v1/services/megaupload?${range}`);
    assert.equal(await shown('entity-in'), String(service.in.octets));
    assert.equal(await shown('entity-share-out'), String(service.out.share));
    await open(page, address, PAGES.network);
    const network = await get(address, `/api/v1/networks/29748?${range}`);
    assert.equal(await shown('entity-in'), String(network.in.octets));

    await open(page, address, PAGES.sankey);
    const flows = await get(address, `/api/v1/sankey?${range}&path=category,link,asn&top=10`);
    const [, ...drawn] = await csv(page, 'sankey');
    assert.deepEqual(
      drawn.map((row) => row.at(-1)),
      flows.flows.map(({ octets }) => String(octets)),
    );
    await open(page, address, PAGES.week);
    const week = await get(address, `/api/v1/heatmap?${range}&zone=UTC`);
    const [, ...hours] = await csv(page, 'heatmap');
    const thursday = hours.slice(3 * 24, 4 * 24).map((row) => row[2]);
    assert.deepEqual(
      thursday,
      week.in.mean_bps[3].map((rate) => (rate === null ? '' : String(rate))),
    );

    await open(page, address, PAGES.system);
    const system = await get(address, `/api/v1/system?${range}`);
    assert.equal(await shown('probe-packets'), String(system.probes[0].packets));
    await open(page, address, PAGES.capacity);
    const capacity = await get(address, '/api/v1/capacity');
    assert.equal(await byId(page, 'capacity-row').count(), capacity.links.length);
    await open(page, address, PAGES.overview);
    const totals = await get(address, `/api/v1/totals?${range}&group_by=service&top=8`);
    const [, ...services] = await csv(page, 'services');
    assert.deepEqual(
      services.slice(0, 8).map((row) => [row[0], row[4]]),
      totals.rows.slice(0, 8).map(({ group, octets }) => [group.service, String(octets)]),
    );
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

  it('takes a question by the keyboard alone', async (test) => {
    const page = await view(test, PAGES.explore);
    await byId(page, 'filter').focus();
    await page.keyboard.type('catego');
    await byId(page, 'completion').filter({ hasText: 'category' }).first().waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.keyboard.type('= p2p');
    await page.keyboard.press('Control+Enter');
    await page.waitForURL(/filter=category\+%3D\+p2p/);
    const reached = new Set();
    for (let step = 0; step < 80 && !reached.has('explore-png'); step++) {
      await page.keyboard.press('Tab');
      reached.add(await page.evaluate(() => document.activeElement?.dataset.testid ?? ''));
    }
    for (const id of [
      'views',
      'show-sql',
      'by-service',
      'chart-sankey',
      'side-in',
      'explore-png',
    ]) {
      assert.ok(reached.has(id), `${id} is not among ${[...reached].join(' ')}`);
    }
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

  it('opens to the same screen from its address', async (test) => {
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
    await page.waitForURL(/tz=Asia\/Kathmandu/);
    assert.match(await byId(page, 'chart-range').innerText(), /17:45:00/);
  });

  it('keeps a view under a name, opens it to the same screen, and forgets it', async (test) => {
    const page = await view(test, `explore?v=1&${EVENING}&by=link&chart=table&top=3`);
    const screen = await byId(page, 'statistics').innerText();
    await byId(page, 'views').click();
    await byId(page, 'view-name').fill('links <of> that evening');
    await byId(page, 'view-save').click();
    await byId(page, 'view-open').waitFor();

    const other = await view(test, `explore?${EVENING}`);
    await byId(other, 'views').click();
    assert.equal(await byId(other, 'view-open').innerText(), 'links <of> that evening');
    await byId(other, 'view-open').click();
    await other.waitForURL(/chart=table/);
    await loaded(other);
    assert.equal(await byId(other, 'statistics').innerText(), screen);

    await byId(page, 'view-remove').click();
    await byId(page, 'view-open').waitFor({ state: 'detached' });
    assert.deepEqual((await get(address, '/api/v1/views')).views, []);
  });

  it('shows the statements and the call behind a chart', async (test) => {
    const page = await view(test, `${PAGES.explore}&filter=category+%3D+p2p`, {
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    await byId(page, 'show-sql').click();
    const sql = await byId(page, 'sql').innerText();
    assert.match(sql, /SELECT[^]*FROM/);
    assert.doesNotMatch(sql.replace(/^--.*$/gm, ''), /p2p/, 'values are bound');
    assert.match(sql, /p2p/);
    await byId(page, 'sql-close').click();
    await byId(page, 'copy-api').click();
    await byId(page, 'tools-said').getByText(/./).waitFor();
    const call = await page.evaluate(() => navigator.clipboard.readText());
    const [, url] = /^curl '(.*)'$/.exec(call) ?? assert.fail(call);
    assert.equal((await fetch(url)).status, 200, call);
  });

  it('steps back and on, and freezes what moves', async (test) => {
    const page = await view(test, PAGES.explore);
    const range = async () => {
      const { searchParams } = new URL(page.url());
      return [searchParams.get('from'), searchParams.get('to')];
    };
    await byId(page, 'range-back').click();
    await page.waitForURL(/to=2012-01-19T12:00:00Z/);
    assert.deepEqual(await range(), ['2012-01-18T22:00:00Z', '2012-01-19T12:00:00Z']);
    await byId(page, 'range-forward').click();
    await page.waitForURL(/from=2012-01-19T12:00:00Z/);
    await byId(page, 'preset-6h').click();
    await page.waitForURL(/from=now-6h&to=now/);
    await loaded(page);
    await byId(page, 'freeze').click();
    await page.waitForURL(/from=20\d\d-/);
    const [from, to] = (await range()).map((text) => Date.parse(text));
    assert.equal(to - from, 6 * 3_600_000);
  });

  it('adds what is clicked in a table to the question', async (test) => {
    const page = await view(test, PAGES.overview);
    await byId(page, 'pick-direct-download').click();
    await page.waitForURL(/\/explore\?.*filter=category\+%3D\+direct-download.*by=service/);
    await loaded(page);
    const megaupload = page.locator('[data-testid=statistics-row][data-key=megaupload] button');
    await megaupload.click();
    await page.waitForURL(/service\+%3D\+megaupload/);
  });

  it('dashes the period before', async (test) => {
    const page = await view(test, `${PAGES.explore}&previous=yes`);
    assert.equal(await byId(page, 'previous').getAttribute('aria-pressed'), 'true');
    const [head] = await csv(page, 'explore');
    const before = head.filter((name) => /before|previous/.test(name));
    assert.ok(before.length > 0, head.join());
  });

  it('paints soon', async (test) => {
    const page = await view(test, PAGES.overview);
    await page.reload();
    await loaded(page);
    const { paint, whole } = await page.evaluate(() => ({
      paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null,
      whole: performance.now(),
    }));
    test.diagnostic(`first paint ${Math.round(paint)} ms, all panels ${Math.round(whole)} ms`);
    assert.ok(paint !== null);
  });

  /** Every field of every page, and none of it means anything. */
  const NONSENSE = new URLSearchParams({
    ...{ v: '9', from: 'the day before', to: '\u0000', tz: '"><b>', theme: 'pink', lang: 'tlh' },
    ...{ filter: '(((', by: 'colour', chart: 'pie', side: 'left', measure: 'furlongs', top: '-1' },
    ...{ previous: 'maybe', hide: '', link: '', name: '../..\u0000<b>', id: '<script>' },
    ...{ state: 'x', kind: 'x', severity: 'x', category: 'A B', sort: 'x' },
  });
  const NAMES = ['', 'explore', 'link', 'service', 'network', 'events', 'event', 'capacity'];

  it('makes the best of an address of nonsense, on every page', async (test) => {
    const { page, problems, close } = await newPage(chromium, address);
    test.after(close);
    for (const name of [...NAMES, 'system', 'no-such-page']) {
      await page.goto(`${address}/${name}?${NONSENSE}`);
      await loaded(page);
      const said = await byId(page, 'url-problem').allInnerTexts();
      assert.ok(said.length >= 5, `${name}: ${said.join('\n')}`);
      assert.equal(await page.locator('main b:has-text("<")').count(), 0);
      // Whatever the API refused is said on the page; nothing was thrown in it.
      const thrown = problems.splice(0).filter((text) => !/\b(400|404)\b/.test(text));
      assert.deepEqual(thrown, [], name);
    }
  });

  it('says what is wrong with a filter, a century, and an end before its start', async (test) => {
    const { page, problems, close } = await newPage(chromium, address);
    test.after(close);
    const said = async (query) => {
      await page.goto(`${address}/explore?${query}`);
      await loaded(page);
      return byId(page, 'url-problem').allInnerTexts();
    };
    assert.match(
      (await said('from=1950-01-01T00:00:00Z&to=2050-01-01T00:00:00Z')).join(),
      /longer than 10 years/,
    );
    assert.match(
      (await said('from=2012-01-20T00:00:00Z&to=2012-01-19T00:00:00Z')).join(),
      /ends before it starts/,
    );
    assert.deepEqual(problems, []);
    assert.deepEqual(await said(`${EVENING}&filter=colour+%3D+red`), []);
    assert.match(await byId(page, 'error').innerText(), /`colour` is not a field/);
    assert.equal(await page.locator('[data-testid=filter-error] mark').innerText(), 'colour');
    assert.ok(
      problems.every((text) => /400/.test(text)),
      problems.join(),
    );
  });

  it('shows the largest of ten thousand services, and adds up the rest', async (test) => {
    const { page, problems, close } = await newPage(chromium, address);
    test.after(close);
    const COUNT = 10_000;
    const rows = Array.from({ length: COUNT }, (_, at) => ({
      group: { service: `service-${at}` },
      ...{ octets: COUNT - at, packets: 1, flows: 1 },
    }));
    const total = { octets: (COUNT * (COUNT + 1)) / 2, packets: COUNT, flows: COUNT };
    await page.route('**/api/v1/totals?*group_by=service*', async (route) => {
      const response = await route.fetch();
      const answer = { ...(await response.json()), rows, total, groups: COUNT };
      await route.fulfill({ response, json: answer });
    });
    await open(page, address, PAGES.overview);
    assert.equal(await byId(page, 'services-row').count(), 8);
    const octets = (testid) =>
      page
        .locator(`[data-testid=${testid}] [data-testid=services-octets]`)
        .evaluateAll((cells) => cells.reduce((sum, cell) => sum + Number(cell.dataset.value), 0));
    assert.equal((await octets('services-row')) + (await octets('services-rest')), total.octets);
    assert.equal(await octets('services-total'), total.octets);
    await open(page, address, `explore?${EVENING}&by=service`);
    assert.ok((await byId(page, 'statistics-row').count()) <= 11);
    // The API knows none of these names.
    assert.ok(
      problems.every((text) => /400/.test(text)),
      problems.join('\n'),
    );
  });

  describe('behind a login', () => {
    const TOKENS = { operator: 'secret-of-the-operators', viewer: 'secret-of-the-viewers' };

    before(async () => {
      await server.stop();
      const tokens = `token = "${TOKENS.operator}"\nviewer_token = "${TOKENS.viewer}"\n`;
      await writeFile(config, `${readFileSync(config, 'utf8')}${tokens}`);
      const again = ['simulate', '--config', config, '--scenario', SCENARIO];
      server = await appliance(started, [...again, '--only-serve', '--serve']);
      ({ address } = server);
    });

    async function entered(test, query, token) {
      const { page, close } = await newPage(chromium, address);
      test.after(close);
      await page.goto(`${address}/${query}`);
      await byId(page, 'login-token').fill(token);
      await byId(page, 'login-submit').click();
      await loaded(page);
      return page;
    }

    it('shows a viewer an event, who can change nothing of it', async (test) => {
      const page = await entered(test, `event?id=${event.id}`, TOKENS.viewer);
      assert.match(await byId(page, 'event-subject').innerText(), /megaupload/);
      await byId(page, 'note-viewer').waitFor();
      for (const id of ['note-comment', 'note-silence', 'note-unacknowledge']) {
        assert.ok(await byId(page, id).isDisabled(), id);
      }
      const status = await page.evaluate(async (id) => {
        const headers = { 'Content-Type': 'application/json' };
        const body = JSON.stringify({ action: 'unacknowledge', text: '' });
        const asked = { method: 'POST', headers, body };
        return (await fetch(`./api/v1/events/${id}/notes`, asked)).status;
      }, event.id);
      assert.equal(status, 403);
    });

    it('lets an operator say something, and log out', async (test) => {
      const page = await entered(test, `event?id=${event.id}`, TOKENS.operator);
      await byId(page, 'note-text').fill('looked at');
      await byId(page, 'note-comment').click();
      await byId(page, 'notes').getByText('looked at').waitFor();
      await byId(page, 'logout').click();
      await byId(page, 'login-form').waitFor();
      assert.equal(await byId(page, 'event-subject').count(), 0);
    });

    it('asks again when the session has ended, and comes back to the same screen', async (test) => {
      const query = `explore?v=1&${EVENING}&by=link&chart=table`;
      const { page, close } = await newPage(chromium, address);
      test.after(close);
      await page.goto(`${address}/${query}`);
      await byId(page, 'login-token').fill('not-the-token');
      await byId(page, 'login-submit').click();
      assert.match(await byId(page, 'login-error').innerText(), /refused/);
      await byId(page, 'login-token').fill(TOKENS.viewer);
      await byId(page, 'login-submit').click();
      await byId(page, 'statistics').waitFor();
      const [url, screen] = [page.url(), await byId(page, 'statistics').innerText()];
      await page.context().clearCookies();
      await byId(page, 'refresh').click();
      await byId(page, 'login-form').waitFor();
      assert.equal(await byId(page, 'statistics').count(), 0);
      await byId(page, 'login-token').fill(TOKENS.viewer);
      await byId(page, 'login-submit').click();
      await byId(page, 'statistics').waitFor();
      await loaded(page);
      assert.deepEqual([page.url(), await byId(page, 'statistics').innerText()], [url, screen]);
    });
  });

  it('has its manual with it, with all pictures', async (test) => {
    const { page, problems, close } = await newPage(chromium, address);
    test.after(close);
    await page.goto(`${address}/docs/reading`);
    const pictures = await page.evaluate(() =>
      Promise.all(
        [...document.images].map((image) => image.decode().then(() => image.naturalWidth)),
      ),
    );
    assert.ok(pictures.length >= 10 && pictures.every((width) => width > 300), pictures.join());
    const links = await page
      .locator('nav a, main a')
      .evaluateAll((found) => found.map(({ href }) => href.replace(/#.*/, '')));
    for (const link of new Set(links)) assert.equal((await fetch(link)).status, 200, link);
    assert.deepEqual(problems, []);
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
