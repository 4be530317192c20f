/** The overview, in a real browser, on a real appliance with recorded traffic. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  Started,
  appliance,
  browser,
  byId,
  captures,
  configuration,
  folder,
  get,
  loaded,
  newPage,
  open,
  replayed,
  startedBy,
  until,
} from './support.mjs';

/** Peer-to-peer, downloads, web and small talk, on all three links of the demo. */
const FILES = captures(
  'bt01_tcp_plain.link-a',
  'bt08_lsd.acc-sub1',
  'dd01_https_h1.link-a',
  'dd03_quic.link-a',
  'enc_qinq__bt02_tcp_mse.link-b',
  'ot01_dns.link-a',
  'ot03_ssh.link-a',
  'web05_chromium.link-a',
);
const DAY = '?from=now-24h&to=now';

/** A number of the page, to the digit. */
const digits = (page, selector) => page.locator(selector).getAttribute('data-value');
const TOTAL = '[data-testid=services-total] [data-testid=services-octets]';

/** The API's totals of the very range that the page shows. */
async function totalsOf(address, page, parameters = '', headers = {}) {
  const shown = byId(page, 'range-shown');
  const from = await shown.getAttribute('data-from');
  const to = await shown.getAttribute('data-to');
  return get(address, `/api/v1/totals?from=${from}&to=${to}&top=200${parameters}`, headers);
}

describe('the overview', () => {
  const started = new Started();
  let server, chromium;

  before(async () => {
    server = await replayed(started, await configuration(await folder(started)), FILES);
    chromium = await browser(started);
  });
  after(() => started.end());

  /** A page that must not have had any problem when the test ends. */
  async function view(test, query = DAY, options = {}) {
    const { page, problems, close } = await newPage(chromium, server.address, options);
    test.after(async () => {
      await close();
      assert.deepEqual(problems, []);
    });
    const response = await open(page, server.address, query);
    return { page, response, problems };
  }

  const totals = (page, parameters) => totalsOf(server.address, page, parameters);

  it('lists the services of the API, every one exactly', async (test) => {
    const { page } = await view(test);
    const rows = await byId(page, 'services-row').evaluateAll((rows) => {
      const value = (row, column) =>
        row.querySelector(`[data-testid=services-${column}]`).dataset.value;
      return rows.map((row) => ({
        name: row.dataset.name,
        ...Object.fromEntries(['octets', 'in', 'out'].map((key) => [key, value(row, key)])),
      }));
    });
    const whole = await totals(page, '&group_by=service');
    const halves = await totals(page, '&group_by=service,direction');
    const half = (name, direction) =>
      halves.rows.find((row) => row.group.service === name && row.group.direction === direction)
        ?.octets ?? 0;
    const expected = whole.rows
      .map((row) => [row.group.service, row])
      .sort(([, a], [, b]) => b.octets - a.octets)
      .slice(0, 8)
      .map(([name, { octets }]) => ({
        name,
        octets: String(octets),
        in: String(half(name, 'in')),
        out: String(half(name, 'out')),
      }));
    assert.ok(expected.length >= 3, JSON.stringify(expected));
    assert.deepEqual(rows, expected);
    assert.ok(whole.total.octets > 5_000_000, `the captures hold more than ${whole.total.octets}`);
    assert.equal(await digits(page, TOTAL), String(whole.total.octets));
    // Rows, rest and total agree with each other.
    const sum = await byId(page, 'services-octets').evaluateAll((cells) =>
      cells.reduce((sum, cell) => sum + Number(cell.dataset.value), 0),
    );
    assert.equal(sum, 2 * whole.total.octets);
  });

  it('rounds volumes as their exact numbers say', async (test) => {
    const { page } = await view(test);
    const cells = await page
      .locator('[data-testid=services-in], [data-testid=services-out]')
      .evaluateAll((cells) => cells.map((cell) => [cell.dataset.value, cell.innerText]));
    const scale = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 };
    for (const [exact, text] of cells) {
      const [, number, unit] = /^([\d.,]+)\s(\S+)$/.exec(text) ?? assert.fail(text);
      const shown = Number(number) * scale[unit];
      assert.ok(Math.abs(shown - exact) <= exact * 0.006, `${exact} is shown as ${text}`);
    }
    assert.ok(cells.some(([, text]) => text.endsWith('MB')));
  });

  it('shows one link alone, and all again', async (test) => {
    const { page } = await view(test);
    const whole = await digits(page, TOTAL);
    await byId(page, 'link-filter-ix-b').click();
    await page.waitForURL(/[?&]link=ix-b(&|$)/);
    const alone = await totals(page, '&link=ix-b');
    await until('total of one link', 10_000, async () =>
      [String(alone.total.octets)].includes(await digits(page, TOTAL)),
    );
    assert.ok(alone.total.octets > 0 && BigInt(alone.total.octets) < BigInt(whole));
    await byId(page, 'links-all').click();
    await until('total of all links', 10_000, async () =>
      [whole].includes(await digits(page, TOTAL)),
    );
    assert.ok(!page.url().includes('link='));
  });

  it('draws every category of some size in its colour', async (test) => {
    // What is expected is drawn over the stack, and tints it; of some links together nothing is expected.
    const all = ['transit-a', 'ix-b', 'access'].map((name) => `&link=${name}`).join('');
    const { page } = await view(test, `?from=now-1h&to=now${all}`);
    const drawn = await byId(page, 'category-chart').evaluate((chart) => {
      const count = new Map();
      for (const canvas of chart.querySelectorAll('canvas')) {
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        for (let at = 0; at < data.length; at += 4) {
          const colour = `rgb(${data[at]}, ${data[at + 1]}, ${data[at + 2]})`;
          if (data[at + 3] === 255) count.set(colour, (count.get(colour) ?? 0) + 1);
        }
      }
      return Object.fromEntries(count);
    });
    for (const category of ['p2p', 'direct-download', 'web']) {
      const swatch = byId(page, `legend-${category}`).locator('.swatch');
      const colour = await swatch.evaluate((swatch) => getComputedStyle(swatch).backgroundColor);
      assert.ok(drawn[colour] > 20, `${category} (${colour}) has ${drawn[colour] ?? 0} pixels`);
    }
  });

  it('is dark when asked to, and stays so in its address', async (test) => {
    const { page } = await view(test);
    const background = () =>
      page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const light = await background();
    await byId(page, 'theme').click();
    await byId(page, 'theme').click();
    assert.match(page.url(), /[?&]theme=dark(&|$)/);
    const dark = await background();
    assert.notEqual(dark, light);
    await page.reload();
    await loaded(page);
    assert.equal(await background(), dark);
  });

  it('is dark where the system is', async (test) => {
    const { page } = await view(test, DAY, { colorScheme: 'dark' });
    const [red, green, blue] = await page.evaluate(() =>
      getComputedStyle(document.documentElement).backgroundColor.match(/\d+/g).map(Number),
    );
    assert.ok(red + green + blue < 150, `${red} ${green} ${blue}`);
  });

  it('keeps the range in the address, with the way back', async (test) => {
    const { page } = await view(test);
    const pressed = (label) => byId(page, `preset-${label}`).getAttribute('aria-pressed');
    await byId(page, 'preset-6h').click();
    await page.waitForURL(/\?v=1&from=now-6h&to=now$/);
    await byId(page, 'preset-15m').click();
    await page.waitForURL(/\?v=1&from=now-15m&to=now$/);
    assert.equal(await pressed('15m'), 'true');
    await page.goBack();
    await page.waitForURL(/from=now-6h/);
    await until('pressed preset', 5000, async () => (await pressed('6h')) === 'true');
    await page.goForward();
    await page.waitForURL(/from=now-15m/);
    await until('pressed preset', 5000, async () => (await pressed('15m')) === 'true');
  });

  it('takes a range as it is written, and says what is wrong with it', async (test) => {
    const { page } = await view(test);
    await byId(page, 'range-shown').click();
    await byId(page, 'range-from').fill('the day before');
    await byId(page, 'range-apply').click();
    assert.match(await byId(page, 'range-error').innerText(), /the day before.*is not a time/);
    await byId(page, 'range-from').fill('now-2h');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\?v=1&from=now-2h&to=now$/);
  });

  it('names what is wrong in an address, and shows the last day', async (test) => {
    const { page } = await view(test, '?from=yesterday&to=%00&theme=pink&tz=%22%3E%3Cb%3E');
    const problems = await byId(page, 'url-problem').allInnerTexts();
    assert.equal(problems.length, 3, problems.join('\n'));
    assert.ok(problems.some((text) => text.includes('“yesterday” is not a time')));
    assert.equal(await byId(page, 'preset-24h').getAttribute('aria-pressed'), 'true');
  });

  it('says that a link of an address is not configured, and offers all of them', async (test) => {
    const { page, problems, close } = await newPage(chromium, server.address);
    test.after(close);
    await page.goto(`${server.address}/${DAY}&link=no-such-link`);
    await loaded(page);
    assert.match(await byId(page, 'error').first().innerText(), /no-such-link/);
    assert.equal(await byId(page, 'services').count(), 0);
    await byId(page, 'links-all').click();
    await byId(page, 'services').waitFor();
    await byId(page, 'error').first().waitFor({ state: 'detached' });
    assert.ok(problems.length > 0 && problems.every((text) => /400/.test(text)), problems.join());
  });

  it('does not take an empty range for zero', async (test) => {
    const { page } = await view(test, '?from=2020-01-01T00:00:00Z&to=2020-01-01T01:00:00Z');
    const traffic = byId(page, 'panel-traffic');
    assert.equal(await traffic.getAttribute('data-state'), 'empty');
    assert.match(await traffic.innerText(), /Nothing was recorded in this range/);
    for (const id of ['category-chart', 'services', 'networks']) {
      assert.equal(await byId(page, id).count(), 0, id);
    }
  });

  it('is allowed to run its own scripts only', async (test) => {
    const { page, response, problems } = await view(test);
    const policy = response.headers()['content-security-policy'] ?? '';
    assert.match(policy, /default-src '(self|none)'/);
    // It is in force: what somebody else would put into the page does not run.
    const ran = await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'window.intruder = true';
      document.body.append(script);
      return 'intruder' in window;
    });
    assert.equal(ran, false);
    await until('refusal', 5000, () =>
      problems.some((text) => text.startsWith('policy: script-src')),
    );
    assert.ok(problems.splice(0).every((text) => /policy|Content Security Policy/.test(text)));
  });

  it('can be used with the keyboard', async (test) => {
    const { page } = await view(test);
    const focused = () => page.evaluate(() => document.activeElement?.dataset.testid ?? '');
    const reached = [];
    for (let step = 0; step < 60 && !reached.includes('freeze'); step++) {
      await page.keyboard.press('Tab');
      reached.push(await focused());
      if (reached.at(-1) === 'preset-6h') {
        await page.keyboard.press('Enter');
        await page.waitForURL(/from=now-6h/);
      }
    }
    for (const id of [
      'nav-explore',
      'refresh',
      'timezone',
      'language',
      'theme',
      'range-shown',
      'preset-6h',
    ]) {
      assert.ok(reached.includes(id), `${id} is not among ${reached.join(' ')}`);
    }
  });

  it('fits a phone', async (test) => {
    const { page } = await view(test, DAY, { viewport: { width: 390, height: 844 } });
    await byId(page, 'category-chart').waitFor();
    const [needed, given] = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      document.documentElement.clientWidth,
    ]);
    assert.ok(needed <= given, `${needed} px are needed, ${given} are there`);
    await byId(page, 'range-shown').click();
    const form = await byId(page, 'range-form').boundingBox();
    assert.ok(form.x >= 0 && form.x + form.width <= 390, JSON.stringify(form));
  });
});

it('says when the appliance is gone, and comes back with it', async (test) => {
  const started = startedBy(test);
  const directory = await folder(started);
  const files = captures('ot01_dns.link-a', 'ot03_ssh.link-a');
  const first = await replayed(started, await configuration(directory), files);
  const { host: listen } = new URL(first.address);
  const { page } = await newPage(await browser(started), first.address);
  await open(page, first.address, '?from=now-1h&to=now');
  const live = (state) => page.locator(`[data-testid=live][data-live=${state}]`).waitFor();
  await live(true);
  const { total } = await get(first.address, '/api/v1/totals?from=now-1h&to=now');
  const shows = (octets) =>
    until(`total of ${octets} octets`, 40_000, async () =>
      [String(octets)].includes(await digits(page, TOTAL)),
    );
  await shows(total.octets);

  assert.deepEqual(await first.stop('SIGTERM'), { code: 0, signal: null });
  await live(false);
  await byId(page, 'health-unreachable').waitFor();
  await byId(page, 'error').first().waitFor();
  // What was known stays, and its age is said.
  await shows(total.octets);
  assert.match(await byId(page, 'error').first().innerText(), /What is shown is from .* ago/);

  const again = ['replay', '--serve', '--rebase-to-now', '--config'];
  await appliance(started, [...again, await configuration(directory, { listen }), ...files]);
  await live(true);
  await byId(page, 'health-unreachable').waitFor({ state: 'detached' });
  await byId(page, 'error').first().waitFor({ state: 'detached' });
  // The same captures a second time, on top of what was stored before.
  await shows(2 * total.octets);
});

it('asks for the token where one is configured, and again when the session has ended', async (test) => {
  const started = startedBy(test);
  const secret = 'a-token-for-this-test';
  const config = await configuration(await folder(started), { token: secret });
  const server = await replayed(started, config, captures('ot01_dns.link-a'));
  const { page } = await newPage(await browser(started), server.address);
  await page.goto(`${server.address}/?from=now-1h&to=now`);
  await byId(page, 'login-form').waitFor();
  assert.equal(await byId(page, 'health').count(), 0);

  await byId(page, 'login-token').fill('not-the-right-token');
  await byId(page, 'login-submit').click();
  assert.match(await byId(page, 'login-error').innerText(), /refused/);

  await byId(page, 'login-token').fill(secret);
  await byId(page, 'login-submit').click();
  await byId(page, 'services').waitFor();
  const authorization = { Authorization: `Bearer ${secret}` };
  const { total } = await totalsOf(server.address, page, '', authorization);
  assert.equal(await digits(page, TOTAL), String(total.octets));
  await page.locator('[data-testid=live][data-live=true]').waitFor();
  // It is nowhere that a script can read, or that is shown.
  assert.ok(!page.url().includes(secret));
  const kept = await page.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]),
  );
  assert.equal(kept, '[{},{},""]');
  const [cookie] = await page.context().cookies();
  assert.deepEqual([cookie.httpOnly, cookie.sameSite], [true, 'Strict']);

  // A reload stays logged in; a session that is gone asks again, and shows nothing.
  await page.reload();
  await byId(page, 'services').waitFor();
  await page.context().clearCookies();
  await byId(page, 'refresh').click();
  await byId(page, 'login-form').waitFor();
  assert.match(await byId(page, 'login-form').innerText(), /session has ended/);
  assert.equal(await byId(page, 'services').count(), 0);
});
