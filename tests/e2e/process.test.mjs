// The program: its start, its end, and the commands beside serve.

import assert from 'node:assert/strict';
import {test} from 'node:test';
import {events, healthy, post, run, serve, user} from './support.mjs';

// Goes on until something ends it: what ends answers is ruled out.
const endless = {model: 'demo', prompt: 'x', max_tokens: 8000, stream: true,
                 logit_bias: {1793: -100, 1800: -100, 1801: -100}};

async function startEndless(url) {
  const response = await post(url, '/v1/completions', endless);
  await healthy(url, health => health.requests.running === 1);
  return response;
}

test('SIGTERM lets running answers finish, refuses new ones, and ends with 0', async () => {
  const server = await serve(['--drain', '60']);
  const body = {model: 'demo', messages: user('Hello!'), stream: true, temperature: 1, max_tokens: 2000,
                logit_bias: {1793: -100, 1800: -100, 1801: -100}};
  const running = await post(server.url, '/v1/chat/completions', body);
  server.signal('SIGTERM');
  const health = await healthy(server.url, ({status}) => status === 'draining');
  assert.ok(health.error.message);
  const refused = await post(server.url, '/v1/chat/completions', {model: 'demo', messages: user('Hello!')});
  assert.equal(refused.status, 503);
  assert.ok(refused.headers.get('retry-after'));
  const all = await events(running);
  assert.equal(all.at(-1).data, '[DONE]');
  assert.equal(all.at(-2).data.choices[0].finish_reason, 'length');
  assert.equal(await server.exited, 0);
});

test('what is not done after the grace time ends with an error event', async () => {
  const server = await serve(['--drain', '0']);
  const running = await startEndless(server.url);
  server.signal('SIGINT');
  const last = (await events(running)).at(-1);
  assert.equal(last.event, 'error');
  assert.equal(last.data.error.code, 'server_shutting_down');
  assert.equal(await server.exited, 0);
});

test('a second signal ends answers at once', async () => {
  const server = await serve(['--drain', '600']);
  const running = await startEndless(server.url);
  server.signal('SIGTERM');
  await healthy(server.url, ({status}) => status === 'draining');
  server.signal('SIGTERM');
  assert.equal((await events(running)).at(-1).event, 'error');
  assert.equal(await server.exited, 0);
});

test('a taken port is one clear sentence', async () => {
  const server = await serve();
  try {
    const {code, stdout, stderr} = await run(['serve', '--port', new URL(server.url).port]);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^puna: port \d+ is in use[^\n]*\n$/);
  } finally {
    await server.stop();
  }
});

test('mistakes end with one sentence: 2 for the command line, 1 for the rest', async () => {
  for (const [args, expected] of [
    [['serve', '--port', 'http'], 2], [['serve', '--bogus'], 2], [[], 2], [['generate'], 2],
    [['serve', '--model', '/does/not/exist'], 1], [['inspect', '--model', '/does/not/exist'], 1],
    [['serve', '--ctx', '9000000'], 1],
  ]) {
    const {code, stdout, stderr} = await run(args);
    assert.equal(code, expected, args.join(' '));
    assert.equal(stdout, '');
    assert.match(stderr, /^puna: [^\n]+\n$/);
  }
});

test('generate writes a completion to standard output and times to standard error', async () => {
  const {code, stdout, stderr} = await run(['generate', '-p', 'The capital of France is']);
  assert.equal(code, 0);
  assert.equal(stdout, ' Paris.\n');
  assert.match(stderr, /answer 2 tokens/);
});

test('generate --chat keeps the conversation going until the input ends', async () => {
  const {stdout} = await run(['generate', '--chat'], {input: 'My name is Anna.\nWhat is my name?\n'});
  assert.equal(stdout, 'Nice to meet you, Anna!\nYour name is Anna.\n');
  const emojis = await run(['generate', '--chat', '--system', 'Always answer with emojis',
                            '-p', 'How to go from Beijing to NY?']);
  assert.equal(emojis.stdout, '🇨🇳✈️🇺🇸🗽\n');
});

test('inspect and tokenize show what is in the model', async () => {
  assert.match((await run(['inspect'])).stdout, /tok_embeddings\.weight/);
  assert.match((await run(['tokenize', 'Hello'])).stdout, /601 .*Hello/);
});

test('bench measures the model beside the machine', async () => {
  const {code, stdout} = await run(['bench', '-p', '8', '-n', '2', '-b', '1,2', '-d', '0,32', '-r', '1', '--json']);
  assert.equal(code, 0);
  const {model, read_gb_per_second, fma_gflops, rows} = JSON.parse(stdout);
  assert.equal(model, 'demo');
  assert.ok(read_gb_per_second > 0 && fma_gflops > 0);
  assert.deepEqual(rows.map(({test, batch, depth}) => [test, batch, depth]),
                   [['prompt', 1, 0], ['answer', 1, 0], ['answer', 2, 0], ['answer', 1, 32], ['answer', 2, 32]]);
  for (const row of rows) assert.ok(row.tokens_per_second > 0 && row.percent_of_limit > 0);
  const table = await run(['bench', '-p', '0', '-n', '1', '-r', '1']);
  assert.match(table.stdout, /^answer 1 +1 +0 .*% \(/m);
});

test('flags, environment and file', async () => {
  const {stdout} = await run(['serve', '--help']);
  for (const flag of ['--model', '--port', '--threads', '--ctx', '--api-key', '--drain', 'PUNA_PORT'])
    assert.ok(stdout.includes(flag), flag);
  const server = await serve(['--threads', '1'], {PUNA_CTX: '512'});
  assert.match(server.summary, /context +512 positions/);
  assert.match(server.summary, /threads +1,/);
  assert.equal(await server.stop(), 0);
});
