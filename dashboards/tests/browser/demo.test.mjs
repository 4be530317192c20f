/** `make demo` from its start to Ctrl-C, twice: the second time on what the first has stored. */

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { it } from 'node:test';
import {
  Program,
  browser,
  byId,
  descendants,
  get,
  isAlive,
  newPage,
  open,
  startedBy,
  until,
} from './support.mjs';

/** What a build may take. There is nothing to build the second time, unless somebody is at work. */
const BUILD = 600_000;
/** What a start may take from then on. */
const START = 20_000;
/** The first interval is written some 20 s after it began. */
const FIRST_DATA = 90_000;

async function start(started) {
  // LISTEN: the demo's own port may be in use by the demo that somebody looks at.
  const make = new Program([
    'make',
    '--no-print-directory',
    'demo',
    'PROFILE=dev',
    'LISTEN=127.0.0.1:0',
  ]);
  started.after(() => make.kill());
  await make.says(/^ *Finished /m, BUILD);
  const [, address] = await make.says(/dashboards and API on (http:\/\/[\d.:]+)/, START);
  return { make, address };
}

/** Ctrl-C: a terminal sends SIGINT to make, its shell and the appliance alike. */
async function interrupt(make, address) {
  const family = descendants(make.pid);
  assert.ok(family.length >= 2, `the appliance and its engine, not only ${family}`);
  const end = await make.stop('SIGINT', { group: true });
  // The appliance ends with 0, or make would tell its error. GNU make, interrupted itself, dies of the
  // signal: a shell calls that 130. Where it has cleaned up first, it says 2.
  assert.ok(end.signal === 'SIGINT' || end.code === 2, JSON.stringify(end));
  assert.doesNotMatch(make.log, /panicked|lost|Error [1-9]/);
  assert.deepEqual(family.filter(isAlive), []);
  assert.throws(() => process.kill(-make.pid, 0), { code: 'ESRCH' }, 'its group is empty');
  await isFree(Number(new URL(address).port));
}

function isFree(port) {
  return new Promise((done, failed) => {
    const server = createServer().on('error', failed);
    server.listen(port, '127.0.0.1', () => server.close(done));
  });
}

it('make demo shows traffic, ends with Ctrl-C, and starts again in seconds', async (test) => {
  const started = startedBy(test);
  const first = await start(started);
  const total = (address) => get(address, '/api/v1/totals?from=now-15m&to=now');
  const grown = async (address, before) => {
    const enough = async () => (await total(address)).total.octets > before;
    await until(`more than ${before} octets in the store`, FIRST_DATA, enough);
  };
  const before = (await total(first.address)).total.octets;
  await grown(first.address, before);

  const { page, problems } = await newPage(await browser(started), first.address);
  await open(page, first.address, '?from=now-15m&to=now');
  const whole = page.locator('[data-testid=services-total] [data-testid=services-octets]');
  await until('octets on the page', 30_000, async () => {
    return (await whole.count()) > 0 && BigInt(await whole.getAttribute('data-value')) > 0n;
  });
  await page.locator('[data-testid=live][data-live=true]').waitFor();
  const now = byId(page, 'link-transit-a').getByTestId('link-in-now');
  await until(
    'rate on the page',
    30_000,
    async () => Number(await now.getAttribute('data-value')) > 0,
  );
  assert.match(await now.innerText(), /bit\/s/);
  assert.ok((await byId(page, 'services-row').count()) >= 3);
  assert.deepEqual(problems, []);
  await page.close();
  await interrupt(first.make, first.address);

  const second = await start(started);
  // Its schema is there already.
  assert.doesNotMatch(second.make.log, /migration applied/);
  assert.ok((await total(second.address)).total.octets > before, 'what was stored is still there');
  await interrupt(second.make, second.address);
});
