// docker-compose.yml and what it mounts, as docker-compose understands them.

import assert from 'node:assert/strict';
import {existsSync, readFileSync} from 'node:fs';
import {test} from 'node:test';
import {parse} from 'yaml';
import {root, serve} from '../e2e/support.mjs';
import {command} from './support.mjs';

async function config(profiles, env = {}) {
  const flags = profiles.flatMap(profile => ['--profile', profile]);
  const clean = {PATH: process.env.PATH, HOME: process.env.HOME};
  return parse(await command('docker-compose', [...flags, 'config'], {cwd: root, env: {...clean, ...env}}));
}

const seconds = text => {
  const [, minutes, rest] = text.match(/^(?:(\d+)m)?(?:(\d+)s)?$/);
  return Number(minutes ?? 0) * 60 + Number(rest ?? 0);
};

test('each profile adds its services to the one that is always there', async () => {
  // docker-compose prints the services of all profiles, and which profiles they wait for.
  const {services} = await config(['scale', 'observe']);
  const profiles = Object.fromEntries(Object.entries(services).map(([name, service]) => [name, service.profiles ?? []]));
  assert.deepEqual(profiles, {puna: [], replica: ['scale'], balancer: ['scale'], prometheus: ['observe'],
                              grafana: ['observe']});
  assert.ok(services.replica.deploy.replicas >= 2);
});

test('nothing is reachable from other machines unless somebody says so', async () => {
  const {services} = await config(['scale', 'observe']);
  for (const [name, {ports = []}] of Object.entries(services))
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:/, name);
  assert.deepEqual((await config([], {PUNA_PUBLISH: '0.0.0.0'})).services.puna.ports, ['0.0.0.0:8080:8080/tcp']);
});

test('no container may write to its image, gain rights, or use all memory', async () => {
  const {services} = await config(['scale', 'observe']);
  for (const [name, service] of Object.entries(services)) {
    assert.equal(service.read_only, true, name);
    assert.deepEqual(service.cap_drop, ['ALL'], name);
    assert.deepEqual(service.security_opt, ['no-new-privileges:true'], name);
    assert.ok(service.mem_limit, name);
    assert.equal(service.restart, 'unless-stopped', name);
  }
});

test('models are mounted for reading, and what else is mounted is there', async () => {
  const {services} = await config(['scale', 'observe']);
  for (const name of ['puna', 'replica']) assert.deepEqual(services[name].volumes, [`${root.replace(/\/$/, '')}/models:/models:ro`]);
  const mounted = Object.values(services).flatMap(({volumes = []}) => volumes).filter(volume => volume.startsWith('/'));
  assert.ok(mounted.length >= 6);
  for (const volume of mounted) {
    assert.ok(volume.endsWith(':ro'), volume);
    assert.ok(existsSync(volume.split(':')[0]), volume);
  }
});

test('a server that is stopped has the time that it gives its answers', async () => {
  const {services} = await config(['scale']);
  for (const name of ['puna', 'replica']) {
    const {environment, stop_grace_period, healthcheck} = services[name];
    assert.ok(seconds(stop_grace_period) > Number(environment.PUNA_DRAIN) + Number(environment.PUNA_DRAIN_DELAY), name);
    assert.deepEqual(healthcheck.test, ['CMD', '/usr/bin/puna', 'health']);
  }
  const hard = readFileSync(`${root}/docker/haproxy.cfg`, 'utf8').match(/hard-stop-after (\d+)s/)[1];
  assert.ok(seconds(services.balancer.stop_grace_period) > Number(hard));
});

test('what the servers are told is what they understand', async () => {
  const {environment} = (await config([], {PUNA_CTX: '512', PUNA_ALLOWED_HOST: 'llm.example'})).services.puna;
  const server = await serve([], environment);
  try {
    assert.match(server.summary, /context +512 positions/);
    for (const [host, status] of [['puna:8080', 200], ['replica', 200], ['llm.example', 200], ['other.example', 403]]) {
      const {port} = new URL(server.url);
      const code = await command('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', '-H', `Host: ${host}`,
                                          `http://127.0.0.1:${port}/health`]);
      assert.equal(Number(code), status, host);
    }
  } finally {
    assert.equal(await server.stop(), 0);
  }
});

test('the dashboard asks for metrics that there are', async () => {
  const {panels} = JSON.parse(readFileSync(`${root}/docker/grafana/dashboards/puna.json`, 'utf8'));
  const asked = new Set(panels.flatMap(({targets}) => targets.map(({expr}) => expr)).join(' ').match(/puna_\w+/g));
  const server = await serve();
  try {
    await fetch(server.url + '/v1/models');
    const text = await (await fetch(server.url + '/metrics')).text();
    const known = new Set(text.match(/^puna_\w+/gm));
    assert.deepEqual([...asked].filter(name => !known.has(name)), []);
    assert.ok(asked.size >= 10);
  } finally {
    assert.equal(await server.stop(), 0);
  }
});

test('Prometheus asks every server', () => {
  const {scrape_configs: [{dns_sd_configs: [{names, port, type}]}]} = parse(readFileSync(`${root}/docker/prometheus.yml`, 'utf8'));
  assert.deepEqual({names, port, type}, {names: ['puna', 'replica'], port: 8080, type: 'A'});
});
