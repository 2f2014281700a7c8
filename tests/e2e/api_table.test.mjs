// docs/api.md says what happens to every field of a request. It is read here, and the program is asked.

import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {after, before, test} from 'node:test';
import {isAnthropic, specification as anthropics} from './anthropic_answers.mjs';
import {specification as openais} from './openai_answers.mjs';
import {samples} from './request_samples.mjs';
import {events, post, root, serve} from './support.mjs';

const requests = {...openais.requests, ...anthropics.requests};

const statuses = ['supported', 'extension', 'no effect', 'refused'];

// The tables of docs/api.md: {path: {field: status}}. A heading says which request the rows below it are of.
function tables() {
  const read = {};
  let path = null;
  for (const line of readFileSync(`${root}/docs/api.md`, 'utf8').split('\n')) {
    if (line.startsWith('#')) path = line.match(/`POST (\/\S+)`/)?.[1] ?? null;
    const [, field, status] = line.match(/^\| `([^`]+)` \| ([a-z ]+?) \|/) ?? [];
    if (path === null || field === undefined) continue;
    assert.ok(statuses.includes(status), `${path} ${field}: '${status}' is one of ${statuses.join(', ')}`);
    read[path] ??= {};
    assert.ok(!(field in read[path]), `${path} ${field} has one row`);
    read[path][field] = status;
  }
  return read;
}

const table = tables();

let server;
before(async () => { server = await serve(['--ctx', '256']); });
after(async () => assert.equal(await server.stop(), 0));

async function ask(path, body) {
  const response = await post(server.url, path, body);
  if (response.status !== 200) {
    const {error} = await response.json();
    // Anthropic's errors name the field in their text alone.
    return {status: response.status, error: {param: error.message.match(/'([^']+)'/)?.[1], ...error}};
  }
  if (body.stream !== true) return {status: 200, answer: await response.json()};
  return {status: 200, answer: (await events(response)).map(({data}) => data)};
}

// What was said, without ids and times.
function said({answer}) {
  if (Array.isArray(answer))
    return answer.map(chunk => chunk.choices?.map(choice => choice.delta ?? choice.text) ?? chunk.delta);
  if (answer.object === 'response') return answer.output.map(item => item.content ?? [item.name, item.arguments]);
  if (answer.type === 'message') return answer.content.map(({id, ...block}) => block);
  return answer.choices?.map(({message, text}) => text ?? message.content) ?? answer.data ?? answer;
}

// "messages[].content" is named messages[0].content, "stop" may be stop[1].
function named(field, param) {
  const pattern = field.replace(/[.[\]]/g, '\\$&').replaceAll('\\[\\]', '\\[\\d+\\]');
  return new RegExp(`^${pattern}($|[.[])`).test(param);
}

for (const [path, fields] of Object.entries(table)) {
  test(`${path}: the table has every field there is, and calls extensions what is not OpenAI's`, () => {
    assert.deepEqual(Object.keys(fields).filter(field => !(field in samples[path].fields)), [], 'samples to ask with');
    const known = requests[path];
    if (known === undefined) return;
    for (const field of known) {
      const parent = field.replace(/(\[\])?\.\w+$/, '');
      // What is in an object without effect, or a refused one, needs no row.
      if (parent === field || fields[parent] === 'supported') assert.ok(field in fields, `${field} has no row`);
    }
    for (const [field, status] of Object.entries(fields))
      assert.equal(known.includes(field), status !== 'extension', `${field} is called '${status}'`);
  });

  for (const [field, status] of Object.entries(fields)) {
    test(`${path}: ${field}: ${status}`, async () => {
      const {base, fields: {[field]: sample}} = samples[path];
      const {good, neutral = [], bad = [], beside = {}, required = false, without = {}} = sample;
      const place = sample.place ?? (value => ({[field]: value}));
      const withValue = value => ask(path, {...base, ...beside, ...place(value)});
      for (const value of good) {
        const {status: got, error, answer} = await withValue(value);
        const shown = `${JSON.stringify(value)}: ${JSON.stringify(error)}`;
        assert.equal(got, status === 'refused' ? 400 : 200, shown);
        if (status === 'refused') assert.ok(named(field, error.param), shown);
        if (status === 'refused' && !isAnthropic(path)) assert.equal(error.code, 'unsupported_parameter', shown);
        if (status === 'no effect')
          assert.deepEqual(said({answer}), said(await ask(path, {...base, ...beside, ...without})), shown);
      }
      const absent = await ask(path, {...base, ...beside, ...without});
      const unset = required || sample.place ? [] : [null];
      for (const value of [...neutral, ...unset]) {
        const {status: got, error, answer} = await withValue(value);
        assert.equal(got, 200, `${JSON.stringify(value)}: ${JSON.stringify(error)}`);
        if (beside.stream !== true) assert.deepEqual(said({answer}), said(absent), JSON.stringify(value));
      }
      for (const value of [...bad, ...(required ? [undefined, null] : [])]) {
        const {status: got, error} = await withValue(value);
        assert.equal(got, 400, JSON.stringify(value));
        assert.ok(named(field, error.param), `${JSON.stringify(value)}: ${JSON.stringify(error)}`);
      }
    });
  }
}

test('the log calls none of these fields unknown', () => {
  assert.doesNotMatch(server.log(), /does not know/);
});

test('every request that is served has a table', async () => {
  for (const [path, {base}] of Object.entries(samples)) {
    const {status} = await post(server.url, path, base);
    assert.equal(path in table, status !== 404, path);
  }
});
