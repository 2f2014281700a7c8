// One headless Chromium for a test file, and pages that report every error and foreign request.

import {chromium} from 'playwright-core';

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--no-first-run'],
  });
}

// Opens `url` and waits until the page knows its model. `problems` collects script errors, dialogs and requests to other hosts.
export async function openChat(browser, url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const problems = [];
  page.on('pageerror', (error) => problems.push(`script error: ${error.message}`));
  page.on('dialog', (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) problems.push(`request to ${request.url()}`);
  });
  await page.goto(url);
  return {page, problems, close: () => context.close()};
}

export async function connected(page, model) {
  await page.waitForFunction((name) => document.getElementById('model').textContent === name, model);
}

export async function ask(page, text) {
  await page.fill('#input', text);
  await page.press('#input', 'Enter');
}

// Resolves once `count` answers are complete, with the text of the last one.
export async function answers(page, count) {
  await page.waitForFunction((n) => document.querySelectorAll('.assistant .facts').length === n, count);
  return page.locator('.assistant .text').nth(count - 1).textContent();
}
