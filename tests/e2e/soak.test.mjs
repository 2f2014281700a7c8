// Many clients at once, some of which leave: every answer is the one its request gets alone, byte for byte, and
// memory and threads stay what they are.
//
//   PUNA_SOAK_REQUESTS=20000 PUNA_SOAK_SEED=7 PUNA_BINARY=... node --test soak.test.mjs

import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import http from 'node:http';
import {test} from 'node:test';
import {healthy, serve, user} from './support.mjs';

const REQUESTS = Number(process.env.PUNA_SOAK_REQUESTS ?? 1500);
const SEED = Number(process.env.PUNA_SOAK_SEED ?? 1);
const CLIENTS = 64;
const LEAVE = 0.3;
const HANDLERS = 128; // the most that the server starts, beside those for GET
// A short run is over before memory says anything; a build with a sanitizer is given a short run.
const MEMORY_TELLS = REQUESTS >= 1000;
const MEMORY_SLACK = 4 << 20; // bytes
const endless = {logit_bias: {1793: -100, 1800: -100, 1801: -100}}; // what ends answers is ruled out

const words = count => Array.from({length: count}, (_, i) => `${i % 10} red, ${i % 7} blue`).join(', ');
const system = {role: 'system', content: `You are a patient teacher. Remember this list: ${words(25)}.`};

// What is asked: short and long, to its own end, to a limit or to a stop string, greedy and drawn by a seed, whole and
// streamed, with a beginning in common and without.
const CHAT = '/v1/chat/completions';
const TEXT = '/v1/completions';
const asked = [
  [CHAT, {messages: user('What is the capital of France?')}],
  [CHAT, {messages: user('Tell me a story about a fox.')}],
  [CHAT, {messages: user('Tell me a story about a fox.'), stop: ['.', 'zebra']}],
  [CHAT, {messages: user('Count to twenty.'), stop: '9'}],
  [CHAT, {messages: user('What can you do?'), max_tokens: 7}],
  [CHAT, {messages: [{role: 'system', content: 'Always answer with emojis'}, ...user('I love dogs')]}],
  [CHAT, {messages: [system, ...user('What is 7 + 8?')]}],
  [CHAT, {messages: [system, ...user('Tell me a joke.')], temperature: 1, seed: 5}],
  [CHAT, {messages: [system, ...user('Write a poem about the sea.')], temperature: 0.7, top_p: 0.9, seed: 6}],
  [CHAT, {messages: user('Say something.'), n: 3, temperature: 1.2, seed: 7, max_tokens: 12}],
  [CHAT, {messages: user(`What is in this list? ${words(120)}`), max_tokens: 10}],
  [CHAT, {messages: user('Go on and on.'), max_tokens: 90, frequency_penalty: 0.5, ...endless}],
  [TEXT, {prompt: 'Once upon a time', max_tokens: 60, ...endless}],
  [TEXT, {prompt: 'The capital of France is', max_tokens: 8, echo: true}],
  [TEXT, {prompt: ['one two three', 'red green blue', 'Monday Tuesday'], max_tokens: 9, stop: ['\n']}],
  [TEXT, {prompt: words(60), max_tokens: 20, temperature: 1, seed: 8, ...endless}],
].flatMap(([path, body]) => [
  {path, body: {model: 'demo', ...body}},
  {path, body: {model: 'demo', ...body, stream: true, stream_options: {include_usage: true}}},
]);

// mulberry32
function randomNumbers(seed) {
  return () => {
    seed = seed + 0x6D2B79F5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, seed | 1);
    t ^= t + Math.imul(t ^ t >>> 7, t | 61);
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
}

// Asks, and resolves to {status, text}, or to null for a client that left. `leaves.now(pieces)` is asked when the
// request has gone out, with each piece of the answer, and whenever `leaves.ask` is called.
function ask(url, {path, body}, leaves) {
  return new Promise((resolve, reject) => {
    const request = http.request(url + path, {method: 'POST', agent: false, headers: {'Content-Type': 'application/json'}});
    let pieces = 0;
    const leave = () => {
      if (!leaves?.now(pieces)) return;
      request.destroy();
      resolve(null);
    };
    if (leaves) leaves.ask = leave;
    request.on('error', reject);
    request.on('response', response => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', piece => {
        text += piece;
        ++pieces;
        leave();
      });
      response.on('error', reject);
      response.on('end', () => resolve({status: response.statusCode, text}));
    });
    request.end(JSON.stringify(body), leave);
  });
}

// What must be equal in every answer to the same request: texts and reasons to end by choice, and the sums. Ids, the
// time and cached tokens are each answer's own, as is the order in which several choices are streamed.
function essence({body}, {status, text}) {
  assert.equal(status, 200, text);
  let chunks = [text];
  if (body.stream) {
    chunks = text.split('\n\n').filter(block => block.startsWith('data: ')).map(block => block.slice(6));
    assert.equal(chunks.pop(), '[DONE]', text);
    assert.ok(text.endsWith('\n\n'));
  }
  const choices = [];
  let usage = null;
  for (const chunk of chunks.map(JSON.parse)) {
    usage = chunk.usage ?? usage;
    for (const {index, delta, message, text: piece, finish_reason: finish} of chunk.choices) {
      choices[index] ??= {text: '', finish: null};
      choices[index].text += piece ?? (delta ?? message).content ?? '';
      choices[index].finish = finish ?? choices[index].finish;
    }
  }
  assert.ok(choices.length > 0 && usage !== null, text);
  return JSON.stringify({choices, prompt: usage.prompt_tokens, completion: usage.completion_tokens});
}

function statusOf(pid) {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const number = name => Number(text.match(new RegExp(`^${name}:\\s+(\\d+)`, 'm'))[1]);
  return {memory: number('RssAnon') * 1024, threads: number('Threads')};
}

// All handlers the server may have run at the same time: none of these ends before all have begun.
async function startAllHandlers(url) {
  const begun = [];
  for (let i = 0; i < HANDLERS; ++i) {
    const body = {model: 'demo', messages: user('x'), stream: true, max_tokens: 1500, ...endless};
    begun.push(new Promise((resolve, reject) => {
      const request = http.request(`${url}${CHAT}`, {method: 'POST', agent: false, headers: {'Content-Type': 'application/json'}});
      request.on('error', reject);
      request.on('response', response => {
        assert.equal(response.statusCode, 200);
        response.on('error', () => {});  // of leaving
        response.resume();
        resolve(request);
      });
      request.end(JSON.stringify(body));
    }));
  }
  for (const request of await Promise.all(begun)) request.on('error', () => {}).destroy();
  await Promise.all(Array.from({length: 64}, () => fetch(`${url}/health`).then(answer => answer.text())));
  await idle(url);
}

const idle = url => healthy(url, ({requests}) => requests.running === 0 && requests.waiting === 0);

test(`${REQUESTS} requests of ${CLIENTS} clients, of which ${100 * LEAVE} % leave (seed ${SEED})`, async t => {
  const servers = [];
  t.after(() => servers.forEach(server => server.log() && console.error(server.log().slice(0, 20_000))));
  const start = async args => {
    servers.push(await serve([...args, '--log-level', 'warn']));
    return servers.at(-1);
  };
  const alone = await start(['--threads', '1']);
  for (const request of asked) request.alone = essence(request, await ask(alone.url, request));
  assert.equal(await alone.stop(), 0);

  // 4,096 positions for all: less than they want, so that requests wait and running ones are preempted.
  const server = await start(['--ctx', '2048', '--kv-memory', '8MiB', '--max-queue', '1000']);
  await startAllHandlers(server.url);
  const random = randomNumbers(SEED);
  const leaving = new Set(); // whose turn to leave comes with the answers of others
  const checked = asked.map(() => 0);
  const memory = [];
  let started = 0, ended = 0, left = 0;
  const threads = statusOf(server.pid).threads;

  async function client() {
    while (started < REQUESTS) {
      ++started;
      const which = Math.floor(random() * asked.length);
      const leaves = random() < LEAVE ? {
        pieces: Math.floor(random() * 20),
        ends: ended + Math.floor(random() * 8),
        now: pieces => pieces >= leaves.pieces || ended >= leaves.ends,
      } : undefined;
      if (leaves) leaving.add(leaves);
      const answer = await ask(server.url, asked[which], leaves);
      leaving.delete(leaves);
      ++ended;
      for (const other of leaving) other.ask();
      if (answer === null) {
        ++left;
      } else {
        assert.equal(essence(asked[which], answer), asked[which].alone, `request ${JSON.stringify(asked[which].body)}`);
        ++checked[which];
      }
      memory.push(statusOf(server.pid).memory);
    }
  }
  await Promise.all(Array.from({length: CLIENTS}, client));

  assert.equal(statusOf(server.pid).threads, threads, 'threads');
  const health = await idle(server.url);
  assert.equal(health.kv_blocks.free + health.kv_blocks.cached, health.kv_blocks.total, 'all KV blocks are back');
  assert.ok(left > REQUESTS * LEAVE / 3, `${left} left`);
  assert.ok(Math.min(...checked) > 0 || REQUESTS < 500, `every kind was answered: ${checked}`);
  const quarter = Math.floor(memory.length / 4);
  const before = Math.max(...memory.slice(quarter, 2 * quarter));
  const after = Math.max(...memory.slice(-quarter));
  t.diagnostic(`${REQUESTS - left} answered, ${left} left; ${threads} threads; RssAnon at most ${before} bytes in the ` +
               `second quarter, ${after} in the last`);
  if (MEMORY_TELLS) {
    assert.ok(after - before < MEMORY_SLACK, `RssAnon: ${before} bytes in the second quarter, ${after} in the last`);
  }
  for (const request of asked) assert.equal(essence(request, await ask(server.url, request)), request.alone);
  assert.equal(await server.stop(), 0);
  assert.equal(server.log(), '', 'nothing was worth a warning');
});
