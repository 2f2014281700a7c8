// What whoever runs the server relies on: metrics, limits, the log, and that nothing stuck outside sticks inside.

import assert from 'node:assert/strict';
import {execFileSync, spawn} from 'node:child_process';
import {once} from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import {test} from 'node:test';
import {binary, chat, events, healthy, post, serve, user} from './support.mjs';

// Goes on until something ends it: what ends answers is ruled out.
const endless = {model: 'demo', prompt: 'x', max_tokens: 8000, logit_bias: {1793: -100, 1800: -100, 1801: -100}};

// All samples by name: {'puna_steps_total': 3, 'puna_kv_blocks{state="free"}': 2048, ...}.
async function metrics(url) {
  const response = await fetch(url + '/metrics');
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
  const samples = (await response.text()).split('\n').filter(line => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(samples.map(line => line.match(/^(.*) (\S+)$/).slice(1)).map(([n, v]) => [n, Number(v)]));
}

// Asks until `check` of the metrics is true; the test runner's own limit ends the waiting.
async function measured(url, check) {
  for (;;) {
    const samples = await metrics(url);
    if (check(samples)) return samples;
  }
}

const cancelled = reason => samples => samples[`puna_requests_cancelled_total{reason="${reason}"}`];
const idle = samples => samples.puna_requests_running === 0 && samples['puna_kv_blocks{state="used"}'] === 0;

async function withServer(args, body) {
  const server = await serve(args);
  try {
    await body(server);
  } finally {
    assert.equal(await server.stop(), 0);
  }
}

test('the metrics say what the answers said', () => withServer([], async ({url}) => {
  const usages = [];
  for (let i = 0; i < 3; ++i) {
    const question = user(`${'What is the capital of France? '.repeat(20)}`);
    usages.push((await chat(url, question, {max_tokens: 5})).usage);
  }
  const sum = pick => usages.map(pick).reduce((a, b) => a + b);
  const samples = await measured(url, s => s['puna_http_requests_total{route="/v1/chat/completions",status="200"}'] === 3);
  assert.equal(samples.puna_prompt_tokens_total, sum(usage => usage.prompt_tokens));
  assert.equal(samples.puna_generated_tokens_total, sum(usage => usage.completion_tokens));
  assert.equal(samples.puna_cached_tokens_total, sum(usage => usage.prompt_tokens_details.cached_tokens));
  assert.ok(samples.puna_cached_tokens_total > 0, 'the second question finds the first one\'s blocks');
  assert.equal(samples.puna_time_to_first_token_seconds_count, 3);
  assert.equal(samples.puna_inter_token_latency_seconds_count, samples.puna_generated_tokens_total - 3);
  assert.equal(samples['puna_step_rows_bucket{le="+Inf"}'], samples.puna_steps_total);
  const computed = samples.puna_prompt_tokens_total - samples.puna_cached_tokens_total;
  assert.ok(samples.puna_step_rows_sum >= computed, 'every token that was not cached was a row');
  assert.ok(idle(samples));
}));

test('whoever leaves is counted and holds nothing, whether he reads a stream or waits for the whole', () =>
  withServer([], async ({url}) => {
    const streaming = new AbortController();
    const response = await post(url, '/v1/completions', {...endless, stream: true}, {signal: streaming.signal});
    assert.equal(response.status, 200);
    streaming.abort();
    const waiting = new AbortController();
    const never = post(url, '/v1/completions', endless, {signal: waiting.signal});
    await measured(url, s => s.puna_requests_running > 0 && cancelled('client_gone')(s) === 1);
    waiting.abort();
    await assert.rejects(never, {name: 'AbortError'});
    const samples = await measured(url, s => cancelled('client_gone')(s) === 2 && idle(s));
    assert.equal(samples['puna_http_requests_total{route="/v1/completions",status="499"}'], 1);
    assert.equal(samples['puna_answers_finished_total{reason="cancelled"}'], 2);
  }));

test('a request that takes too long is ended: 504, or an error event in a stream', () =>
  withServer(['--request-timeout', '0.1'], async ({url}) => {
    const late = await post(url, '/v1/completions', endless);
    assert.equal(late.status, 504);
    assert.equal(late.headers.get('x-should-retry'), 'false');
    assert.equal((await late.json()).error.code, 'request_timeout');
    const last = (await events(await post(url, '/v1/completions', {...endless, stream: true}))).at(-1);
    assert.equal(last.event, 'error');
    assert.equal(last.data.error.code, 'request_timeout');
    await measured(url, s => cancelled('deadline')(s) === 2 && idle(s));
    const [choice] = (await (await post(url, '/v1/completions', {model: 'demo', prompt: 'x', max_tokens: 1})).json()).choices;
    assert.equal(choice.finish_reason, 'length');
  }));

test('a full queue is 429 with Retry-After, and others are served again once there is room', () =>
  // One full-length conversation fits: a few short ones run at once and one waits.
  withServer(['--ctx', '256', '--kv-memory', '512KiB', '--max-queue', '1'], async ({url}) => {
    const ask = async () => {
      const response = await post(url, '/v1/completions', {...endless, max_tokens: 250});
      const answer = await response.json();
      if (response.status === 429) {
        assert.match(response.headers.get('retry-after'), /^\d+$/);
        assert.equal(answer.error.code, 'rate_limit_exceeded');
      } else {
        assert.equal(answer.usage.completion_tokens, 250);
      }
      return response.status;
    };
    const statuses = await Promise.all(Array.from({length: 100}, ask));
    assert.deepEqual([...new Set(statuses)].sort(), [200, 429]);
    const samples = await measured(url, s => idle(s) && s.puna_requests_waiting === 0);
    for (const status of [200, 429]) {
      const count = samples[`puna_http_requests_total{route="/v1/completions",status="${status}"}`];
      assert.equal(count, statuses.filter(one => one === status).length);
    }
    assert.equal((await post(url, '/v1/completions', {model: 'demo', prompt: 'x'})).status, 200);
  }));

test('one line of the log per request has its figures and none of its text', () => withServer([], async server => {
  await chat(server.url, user('What is the capital of France?'));
  await server.logged(/route=\/v1\/chat\/completions/);
  const line = server.log().split('\n').find(text => text.includes('/v1/chat/completions'));
  assert.match(line, /request req-[0-9a-f]{24} method=POST route=\/v1\/chat\/completions status=200 bytes=\d+ ms=[\d.]+ end=complete prompt_tokens=17 cached_tokens=0 completion_tokens=7 ttft_ms=[\d.]+ answer=complete$/);
  assert.ok(!server.log().includes('France'));
}));

test('--log-prompts is said at the start and then done', () => withServer(['--log-prompts'], async server => {
  assert.match(server.summary, /Warning: the log holds what users send/);
  await chat(server.url, user('What is the capital of France?'));
  await server.logged(/body=.*capital of France/);
}));

test('the start says what the KV pool holds', () => withServer(['--ctx', '256', '--kv-memory', '3MiB'], async ({summary, url}) => {
  const [, tokens, conversations] = summary.match(/KV pool +([\d,]+) tokens: (\d+) conversations? of 256 tokens at once/);
  const health = await healthy(url, () => true);
  assert.equal(Number(tokens.replaceAll(',', '')), health.kv_blocks.total * 32);
  assert.equal(Number(conversations), Math.floor(health.kv_blocks.total / 8));
}));

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const {port} = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

// A named pipe that is full and that nobody reads: a descriptor to write to it.
function stuckPipe(directory) {
  const file = path.join(directory, 'stuck');
  execFileSync('mkfifo', [file]);
  const both = fs.openSync(file, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
  for (const size of [4096, 1]) {
    try {
      for (;;) fs.writeSync(both, '.'.repeat(size));
    } catch (error) {
      assert.equal(error.code, 'EAGAIN');
    }
  }
  return {both, out: fs.openSync(file, fs.constants.O_WRONLY)};
}

test('a server whose output nobody takes starts, answers and ends all the same', async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'puna-'));
  try {
    const {both, out} = stuckPipe(directory);
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const child = spawn(binary, ['serve', '--port', String(port)], {stdio: ['ignore', out, out]});
    const exited = once(child, 'exit');
    const statuses = new Set();
    while (!statuses.has(200)) {
      const health = await fetch(url + '/health').catch(() => null);
      if (health === null) continue;  // the port is not open yet
      statuses.add(health.status);
      const {status} = await health.json();
      assert.equal(status, health.status === 200 ? 'ok' : 'loading');
    }
    for (let i = 0; i < 20; ++i)
      assert.equal((await chat(url, user('What is the capital of France?'))).choices[0].message.content,
                   'The capital of France is Paris.');
    child.kill('SIGTERM');
    assert.deepEqual(await exited, [0, null]);
    fs.closeSync(both);
    fs.closeSync(out);
  } finally {
    fs.rmSync(directory, {recursive: true});
  }
});
