// Embeddings as the clients ask for them: OpenAI's in base64 unless told otherwise, the others as numbers.

import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {createOpenAICompatible} from '@ai-sdk/openai-compatible';
import {OpenAIEmbeddings} from '@langchain/openai';
import {embed, embedMany} from 'ai';
import OpenAI from 'openai';
import {serve} from './support.mjs';

let server;
let client;
before(async () => {
  server = await serve(['--ctx', '256']);
  client = new OpenAI({baseURL: server.url + '/v1', apiKey: 'none', maxRetries: 0});
});
after(async () => assert.equal(await server.stop(), 0));

const ask = (input, more) => client.embeddings.create({model: 'demo', input, ...more});
const vectors = async (...args) => (await ask(...args)).data.map(({embedding}) => embedding);
const texts = ['The cat sleeps.', 'Grüße, 👩‍👩‍👧‍👦!', 'x', 'The cat sleeps.'];

test('every input has its vector, in order, whatever the form', async () => {
  const answer = await ask(texts);
  assert.deepEqual(answer.data.map(({index}) => index), [0, 1, 2, 3]);
  assert.ok(answer.usage.prompt_tokens >= texts.length);
  const all = answer.data.map(({embedding}) => embedding);
  assert.equal(new Set(all.map(vector => vector.length)).size, 1);
  assert.deepEqual(all[3], all[0]);
  assert.notDeepEqual(all[1], all[0]);
  for (const vector of all) assert.ok(vector.every(Number.isFinite) && vector.some(value => value !== 0));
  const numbers = await vectors(texts, {encoding_format: 'float'});
  assert.deepEqual(numbers.map(vector => vector.map(Math.fround)), all.map(vector => Array.from(vector)));
});

test('a text has the same vector alone and among others', async () => {
  const together = await vectors(texts);
  const alone = await Promise.all(texts.map(text => vectors(text)));
  assert.deepEqual(alone.map(([vector]) => vector), together);
});

test('LangChain and the AI SDK get the same vectors', async () => {
  const expected = (await vectors(texts)).map(vector => Array.from(vector));
  const rounded = list => list.map(vector => Array.from(vector, Math.fround));
  const langchain = new OpenAIEmbeddings(
    {model: 'demo', apiKey: 'none', maxRetries: 0, configuration: {baseURL: server.url + '/v1'}});
  assert.deepEqual(rounded(await langchain.embedDocuments(texts)), expected);
  assert.deepEqual(rounded([await langchain.embedQuery(texts[0])]), [expected[0]]);
  const model = createOpenAICompatible({name: 'puna', baseURL: server.url + '/v1'}).textEmbeddingModel('demo');
  const {embeddings, usage} = await embedMany({model, values: texts, maxRetries: 0});
  assert.deepEqual(rounded(embeddings), expected);
  assert.ok(usage.tokens >= texts.length);
  assert.deepEqual(rounded([(await embed({model, value: texts[1], maxRetries: 0})).embedding]), [expected[1]]);
});

test('what cannot be embedded is refused', async () => {
  for (const input of ['', [], ['x', ''], [[]], [2048], 'word '.repeat(1000)])
    await assert.rejects(ask(input), error => error instanceof OpenAI.BadRequestError && /^input/.test(error.param));
});
