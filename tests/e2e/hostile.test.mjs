// Thousands of spoiled requests: each gets an answer or a refusal that blames the client, never a 500, and the server
// goes on. They are the same ones every time, so that a failure can be met again.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {samples} from './request_samples.mjs';
import {events, healthy, post, serve} from './support.mjs';

let server;
before(async () => { server = await serve(['--ctx', '256']); });
after(async () => assert.equal(await server.stop(), 0));

// mulberry32: numbers from 0 up to 1.
function randomNumbers(seed) {
  return () => {
    seed = seed + 0x6d2b79f5 | 0;
    let mixed = Math.imul(seed ^ seed >>> 15, 1 | seed);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
}

const strange = [
  null, true, false, 0, -1, 1, 1.5, -0.0, 129, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, 1e19, -1e19, 1e308, 5e-324,
  '', ' ', 'x', '\u0000', '\uffff', '😀'.repeat(50), 'stop'.repeat(500), '<|eot_id|>', '-1', '1e9',
  [], [[]], [[[]]], [null], [''], [0], [2047], [2048], [-1], [true], ['a', 1], Array(300).fill(1), Array(30).fill('x'),
  {}, {'': ''}, {a: {a: {a: {}}}}, {type: 'text'}, {type: 'text', text: null}, {role: 'user'}, {0: 1}, {1: 'x'},
  {'-0': 1}, {'1e3': 1},
];

// What there is to spoil: every field alone in a good request, and all good values together.
function* seeds({base, fields}) {
  for (const [field, {good, beside = {}, place = value => ({[field]: value})}] of Object.entries(fields))
    for (const value of good) yield {...base, max_tokens: 3, ...beside, ...place(value)};
}

// The places in a value: [holder, key].
function places(value, found = []) {
  if (typeof value !== 'object' || value === null) return found;
  for (const key of Object.keys(value)) {
    found.push([value, key]);
    places(value[key], found);
  }
  return found;
}

function spoil(body, random) {
  const pick = list => list[Math.floor(random() * list.length)];
  const spoiled = structuredClone(body);
  for (let times = 1 + Math.floor(random() * 3); times > 0; --times) {
    const all = places(spoiled);
    if (all.length === 0) break;
    const [holder, key] = pick(all);
    const way = random();
    if (way < 0.6) holder[key] = structuredClone(pick(strange));
    else if (way < 0.7) delete holder[key];
    else if (way < 0.8) holder[key] = [holder[key]];
    else if (way < 0.9) holder[key] = structuredClone(pick(all)[0]);
    else holder[pick(Object.keys(body))] = structuredClone(pick(strange));
  }
  // Long answers are not what this is about.
  for (const limit of ['max_tokens', 'max_output_tokens']) {
    if (Number.isInteger(spoiled[limit])) spoiled[limit] = Math.min(spoiled[limit], 3);
    else if (spoiled[limit] === undefined || spoiled[limit] === null) spoiled[limit] = 3;
  }
  if (spoiled.n > 4 && spoiled.n < 129) spoiled.n = 4;
  return JSON.stringify(spoiled);
}

// Bytes changed, lost, doubled, cut off: JSON only now and then.
function damage(text, random) {
  const bytes = Buffer.from(text);
  const at = Math.floor(random() * bytes.length);
  const way = random();
  if (way < 0.3) bytes[at] = Math.floor(random() * 256);
  else if (way < 0.5) return bytes.subarray(0, at);
  else if (way < 0.75) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
  else return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.floor(random() * at))]);
  return bytes;
}

async function answerOrRefusal(path, body) {
  const headers = {'Content-Type': 'application/json'};
  const response = await fetch(server.url + path, {method: 'POST', body, headers});
  const shown = () => `${response.status} for ${body}`;
  assert.ok([200, 400, 404].includes(response.status), shown());
  if (response.headers.get('content-type') !== 'text/event-stream') {
    const {error} = await response.json();
    assert.notEqual(error?.type, 'server_error', shown());
  } else {
    for (const {event} of await events(response)) assert.ok(!['error', 'response.failed'].includes(event), shown());
  }
  return response.status;
}

for (const [seed, path] of Object.keys(samples).entries()) {
  test(`${path}: spoiled requests are answered or refused`, async () => {
    if ((await post(server.url, path, samples[path].base)).status === 404) return;
    const random = randomNumbers(seed);
    const bodies = [];
    for (const body of seeds(samples[path])) {
      for (let i = 0; i < 12; ++i) bodies.push(spoil(body, random));
      for (let i = 0; i < 4; ++i) bodies.push(damage(JSON.stringify(body), random));
    }
    const counts = {};
    const work = bodies.values();
    await Promise.all(Array.from({length: 8}, async () => {
      for (const body of work) {
        const status = await answerOrRefusal(path, body);
        counts[status] = (counts[status] ?? 0) + 1;
      }
    }));
    assert.ok(counts[400] > bodies.length / 4, JSON.stringify(counts));
  });
}

test('the server is as it was before', async () => {
  const {base} = samples['/v1/completions'];
  const answer = await (await post(server.url, '/v1/completions', base)).json();
  assert.equal(answer.choices[0].text, ' Paris.');
  await healthy(server.url, ({requests}) => requests.running === 0 && requests.waiting === 0);
  assert.doesNotMatch(server.log(), /\[(error|critical)\]/);
});
