// One headless Chromium for a test file, and pages that report every error and foreign request.

import assert from 'node:assert/strict';
import {chromium} from 'playwright-core';
import {serve} from '../e2e/support.mjs';
import {startProxy} from './proxy.mjs';

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--no-first-run'],
  });
}

// Opens `url`. `problems` collects script errors, dialogs, violations of the page's policy and requests to other hosts.
export async function openPage(browser, url, {hash = '', ...options} = {}) {
  const context = await browser.newContext({locale: 'en-US', ...options});
  const page = await context.newPage();
  const problems = [];
  page.on('pageerror', (error) => problems.push(`script error: ${error.message}`));
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) problems.push(message.text());
  });
  page.on('dialog', (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('blob:')) problems.push(`request to ${request.url()}`);
  });
  await page.goto(url + '/' + hash);
  await page.waitForSelector('body[data-ready]');
  return {page, problems, close: () => context.close()};
}

// A browser and a real server for a file's tests. withPage(body, {routes, ...context options}) gives each test a page and a
// proxy of its own, and fails it if the page had a problem.
export function bench(args = []) {
  const bench = {browser: null, puna: null};
  bench.start = async () => {
    bench.browser = await launch();
    bench.puna = await serve(args);
  };
  bench.stop = async () => {
    await bench.browser?.close();
    await bench.puna?.stop();
  };
  bench.withPage = async (body, {routes = {}, ...options} = {}) => {
    const proxy = await startProxy(bench.puna.url, routes);
    const opened = await openPage(bench.browser, proxy.url, options);
    try {
      await body(opened.page, proxy, opened);
      assert.deepEqual(opened.problems, []);
    } finally {
      await opened.close();
      await proxy.close();
    }
  };
  return bench;
}

export async function ask(page, text) {
  await page.fill('#input', text);
  await page.press('#input', 'Enter');
}

// Resolves once `count` answers are on screen and none is being written, to the text of the last one.
export async function answers(page, count) {
  await page.waitForFunction((n) => document.querySelectorAll('.assistant').length === n &&
                                    !document.querySelector('.running') && !document.querySelector('#send').hidden, count);
  return (await page.locator('.assistant .text').nth(count - 1).textContent());
}

export const visible = (page, selector) => page.locator(`${selector}:visible`);
