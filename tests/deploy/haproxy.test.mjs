// docker/haproxy.cfg as it stands, with Debian's HAProxy before three real servers: one is killed under load, one drains.
// The servers are found as in Compose: a name server gives `puna` one address and `replica` two.

import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {after, before, test} from 'node:test';
import {events, healthy, post, root, serve} from '../e2e/support.mjs';
import {nameServer} from './name_server.mjs';
import {command, eventually, freePort} from './support.mjs';

const addresses = ['127.0.0.2', '127.0.0.3', '127.0.0.4'];
const config = `${root}/docker/haproxy.cfg`;
const body = {model: 'demo', prompt: 'The capital of France is', max_tokens: 8};

let servers, names, haproxy, url;

before(async () => {
  const port = await freePort(...addresses);
  servers = await Promise.all(addresses.map(host => serve(['--host', host, '--port', String(port), '--threads', '1',
                                                           '--drain-delay', '5', '--drain', '100'])));
  names = await nameServer({puna: addresses.slice(0, 1), replica: addresses.slice(1)});
  const bind = `127.0.0.1:${await freePort('127.0.0.1')}`;
  url = `http://${bind}`;
  haproxy = spawn('haproxy', ['-W', '-f', config], {
    env: {...process.env, PUNA_BIND: bind, PUNA_PORT: String(port), PUNA_DNS: `127.0.0.1:${names.port}`},
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  // All three have answered something once the balancer has found them.
  await eventually(async () => {
    await fetch(url + '/v1/models').catch(() => {});
    const asked = await Promise.all(servers.map(server => requests(server)));
    return asked.every(count => count > 0);
  });
});

after(async () => {
  for (const server of servers ?? []) server.signal('SIGKILL');
  names?.close();
  if (haproxy?.exitCode === null) haproxy.kill('SIGTERM');
});

// How many requests of a route a server has had.
async function requests(server, route = '/v1/models') {
  const text = await (await fetch(server.url + '/metrics')).text();
  const lines = text.split('\n').filter(line => line.startsWith(`puna_http_requests_total{route="${route}"`));
  return lines.map(line => Number(line.split(' ')[1])).reduce((a, b) => a + b, 0);
}

const conversation = id => ({headers: {'X-Conversation-Id': id}});

// The server that a conversation belongs to.
async function serverOf(id) {
  const before = await Promise.all(servers.map(server => requests(server)));
  assert.equal((await fetch(url + '/v1/models', conversation(id))).status, 200);
  // A request is counted at its end, which may come a moment after its answer.
  return await eventually(async () => {
    const now = await Promise.all(servers.map(server => requests(server)));
    return servers.find((_, i) => now[i] > before[i]);
  });
}

test('the file is valid as it stands', () => command('haproxy', ['-c', '-f', config]));

test('requests of one conversation go to one server, and conversations to all servers', async () => {
  const ids = Array.from({length: 12}, (_, i) => `conversation ${i}`);
  const homes = [];
  for (const id of ids) homes.push(await serverOf(id));
  assert.equal(new Set(homes).size, 3);
  for (const [i, id] of ids.entries()) assert.equal(await serverOf(id), homes[i], id);
});

// Clients that ask one thing after the other until stop(), which resolves to what went wrong.
function load(clients) {
  let running = true;
  let good = 0;
  const failures = [];
  const done = Promise.all(Array.from({length: clients}, async (_, client) => {
    for (let i = 0; running; ++i) {
      const began = performance.now();
      try {
        const response = await post(url, '/v1/completions', body, i % 2 === 0 ? conversation(`${client}/${i}`) : {});
        assert.equal(response.headers.get('content-type'), 'application/json', `${response.status}`);
        const answer = await response.json();
        assert.equal(response.status, 200, JSON.stringify(answer));
        assert.equal(answer.choices[0].text, ' Paris.');
        ++good;
      } catch (error) {
        failures.push({began, error});
      }
    }
  }));
  return {
    more: async count => {
      const goal = good + count;
      await eventually(() => good >= goal || !running);
    },
    failures,
    stop: async () => {
      running = false;
      await done;
    },
  };
}

test('one server killed and one drained under load: nothing fails but what ran on the killed one', async () => {
  // A long answer, and the server it comes from.
  const long = events(await post(url, '/v1/completions', {...body, prompt: 'x', max_tokens: 4000, stream: true,
                                                          logit_bias: {1793: -100, 1800: -100, 1801: -100}}));
  const drained = await eventually(async () => {
    const running = await Promise.all(servers.map(({url}) => healthy(url, () => true)));
    return servers.find((_, i) => running[i].requests.running > 0);
  });
  const killed = servers.find(server => server !== drained);

  const clients = 16;
  const running = load(clients);
  await running.more(200);
  killed.signal('SIGKILL');
  await killed.exited;
  const dead = performance.now();
  await running.more(200);
  drained.signal('SIGTERM');
  await healthy(drained.url, ({status}) => status === 'draining');
  await running.more(200);
  const answer = await long;
  assert.equal(answer.at(-1).data, '[DONE]');
  assert.equal(answer.at(-2).data.choices[0].finish_reason, 'length');
  assert.equal(await drained.exited, 0);
  await running.more(200);
  await running.stop();

  const shown = running.failures.map(({error}) => error.message).join('\n');
  assert.ok(running.failures.every(({began}) => began <= dead), shown);
  assert.ok(running.failures.length <= clients, shown);
});

test('stopped, the balancer lets what runs end', async () => {
  const stream = await post(url, '/v1/completions', {...body, stream: true});
  haproxy.kill('SIGUSR1');
  assert.equal((await events(stream)).at(-1).data, '[DONE]');
  const [code] = await once(haproxy, 'exit');
  assert.ok(code === 0 || code === 143, `exit code ${code}`);
});
