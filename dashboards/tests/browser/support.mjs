/** What the browser tests share: the appliance and a browser, started for a test and ended with it. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
/** Longest that anything here may take on a busy machine. */
export const PATIENCE = 60_000;

const ENGINE_LIBRARY = join(
  ROOT,
  `store/embedded/node_modules/@chdb/lib-linux-${process.arch}-gnu/libchdb.so`,
);

/** The program under test. */
export function etiage() {
  const program = process.env.ETIAGE ?? join(ROOT, 'target/debug/etiage');
  assert.ok(existsSync(program), `${program} is missing: run \`cargo build --workspace\``);
  return program;
}

export function captures(...names) {
  return names.map((name) => join(ROOT, 'fixtures/captures', `${name}.pcap`));
}

/** The demo's links, with a store and an address of their own. */
export async function configuration(folder, { listen = '127.0.0.1:0', token } = {}) {
  const demo = readFileSync(join(ROOT, 'fixtures/demo.toml'), 'utf8');
  const data = /^data = .*$/m;
  assert.match(demo, data, 'fixtures/demo.toml says where its data is');
  assert.doesNotMatch(demo, /^\[api\]$/m, 'the test says where to listen');
  const api = `[api]\nlisten = "${listen}"\n${token ? `token = "${token}"\n` : ''}`;
  const path = join(folder, 'etiage.toml');
  await writeFile(path, `${demo.replace(data, 'data = "data"')}\n${api}`);
  return path;
}

/** What a test or a suite has started; ended in reverse order. */
export class Started {
  #ends = [];

  after(end) {
    this.#ends.push(end);
  }

  async end() {
    for (const end of this.#ends.splice(0).reverse()) await end();
  }
}

/** As much as `Started` for a single test, ended with it. */
export function startedBy(test) {
  const started = new Started();
  test.after(() => started.end());
  return started;
}

/** A folder that is gone when the test has ended. */
export async function folder(started) {
  const path = await mkdtemp(join(tmpdir(), 'etiage-browser-'));
  started.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** What runs, to be ended even if these tests are themselves. */
const running = new Set();
process.on('exit', () => running.forEach((program) => program.kill()));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));

/** A program in a process group of its own, and all that it says. */
export class Program {
  log = '';
  /** What it ended with; null while it runs. */
  ended = null;

  constructor(command, options = {}) {
    const environment = {
      ETIAGE_ENGINE_LIBRARY: ENGINE_LIBRARY,
      ...process.env,
      ETIAGE_LOG: 'info',
    };
    this.child = spawn(command[0], command.slice(1), {
      cwd: ROOT,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      ...options,
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (this.log += text));
    }
    running.add(this);
    this.end = new Promise((done) => {
      const ended = (how) => {
        running.delete(this);
        done((this.ended = how));
      };
      this.child.on('error', (error) => ended({ error }));
      this.child.on('close', (code, signal) => ended({ code, signal }));
    });
  }

  get pid() {
    return this.child.pid;
  }

  /** Waits until its output matches, and gives the match. */
  async says(pattern, patience = PATIENCE) {
    await until(`output like ${pattern}`, patience, () => {
      assert.ok(!this.ended || pattern.test(this.log), `it has ended:\n${this.log}`);
      return pattern.test(this.log);
    });
    return pattern.exec(this.log);
  }

  /** Sends a signal to it alone, or as a terminal does to its whole group, and waits for its end. */
  async stop(signal = 'SIGTERM', { group = false } = {}) {
    if (!this.ended) process.kill(group ? -this.pid : this.pid, signal);
    const end = await Promise.race([this.end, sleep(PATIENCE, null, { ref: false })]);
    assert.ok(end, `it does not end on ${signal}:\n${this.log}`);
    return end;
  }

  /** For a test that failed half-way: nothing of it is left. */
  async kill() {
    const left = [this.pid, ...descendants(this.pid)];
    for (const pid of this.ended ? [] : left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if (error.code !== 'ESRCH') throw error; // It has just ended by itself.
      }
    }
    await this.end;
  }
}

/** The appliance, serving; ended with the test at the latest. */
export async function appliance(started, arguments_) {
  const program = new Program([etiage(), ...arguments_]);
  started.after(() => program.kill());
  const [, address] = await program.says(/dashboards and API on (http:\/\/[\d.:]+)/);
  return Object.assign(program, { address });
}

/** The appliance with these captures stored, serving them. */
export async function replayed(started, config, files) {
  const program = await appliance(started, [
    ...['replay', '--serve', '--rebase-to-now', '--config', config],
    ...files,
  ]);
  await program.says(/replayed; serving until stopped/);
  return program;
}

/** Everything that a process has started, and what that has started. */
export function descendants(pid) {
  let children = '';
  try {
    // Each thread has children of its own.
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      children += `${readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')} `;
    }
  } catch (error) {
    if (!['ENOENT', 'ESRCH'].includes(error.code)) throw error; // It has just ended.
  }
  const pids = children.split(' ').filter(Boolean).map(Number);
  return pids.flatMap((child) => [child, ...descendants(child)]);
}

/** Whether a process exists and is no zombie. */
export function isAlive(pid) {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Asks again and again until it is so. */
export async function until(what, patience, isSo) {
  const deadline = Date.now() + patience;
  for (;;) {
    const answer = await isSo();
    if (answer) return answer;
    assert.ok(Date.now() < deadline, `after ${patience / 1000} s there is no ${what}`);
    await sleep(100);
  }
}

/** An answer of the API. */
export async function get(address, path, headers = {}) {
  const response = await fetch(`${address}${path}`, { headers });
  assert.equal(response.status, 200, `${path}: ${await response.clone().text()}`);
  return response.json();
}

/** Debian's browser, in a new profile, asking nobody but the page's own host. */
export async function browser(started) {
  const launched = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  started.after(() => launched.close());
  return launched;
}

/** A page in a session of its own, and whatever goes wrong on it. */
export async function newPage(browser, address, options = {}) {
  const session = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    colorScheme: 'light',
    timezoneId: 'UTC',
    ...options,
  });
  const page = await session.newPage();
  page.setDefaultTimeout(PATIENCE);
  const problems = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText;
    // The page itself gives up requests whose answer nobody waits for any more.
    if (why !== 'net::ERR_ABORTED') problems.push(`${request.url()}: ${why}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) problems.push(`${response.url()}: ${response.status()}`);
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== address) problems.push(`asks ${request.url()}`);
  });
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) =>
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`),
    );
  });
  return { page, problems, close: () => session.close() };
}

export const byId = (page, id) => page.getByTestId(id);

/** Opens a view, and waits until its numbers are there. */
export async function open(page, address, query = '') {
  const response = await page.goto(`${address}/${query}`);
  await loaded(page);
  return response;
}

/** Waits until every panel has its answer. */
export async function loaded(page) {
  await page.locator('main[data-loaded=true]').waitFor();
}

/** Runs a program to its end, which must be a good one. */
export async function run(started, arguments_, options = {}) {
  const program = new Program([etiage(), ...arguments_], options);
  started.after(() => program.kill());
  const end = await program.end;
  assert.equal(end.code, 0, `etiage ${arguments_.join(' ')}:\n${program.log}`);
  return program;
}
