// The image that docker/Dockerfile makes, built and run by Debian's buildah, which needs no Docker engine. Needs root and
// a machine that lets it change its root directory; where that is missing, the tests are skipped and say why.

import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {chat, root, user} from '../e2e/support.mjs';
import {command, eventually, freePort} from './support.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
// Kept from run to run: the base, and the layers that did not change.
const store = path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'puna', 'images');
const storage = ['--root', `${store}/root`, '--runroot', `${store}/run`];
const env = {...process.env, BUILDAH_ISOLATION: 'chroot'};
const base = 'docker.io/library/debian:bookworm-slim';
const buildah = (...args) => command('buildah', [...storage, ...args], {cwd: root, env}).then(text => text.trim());

// Why images cannot be built and run here, or null.
async function hindrance() {
  if (process.getuid() !== 0) return 'only root can build images with chroot isolation';
  try {
    fs.mkdirSync(store, {recursive: true});
    await command(`${here}/base-image.sh`, ['buildah', ...storage], {env});
  } catch (error) {
    return `no base image can be made on this machine: ${error.message}`;
  }
  try {
    const container = await buildah('from', '--pull-never', base);
    try {
      await buildah('run', container, '--', '/bin/true');
    } finally {
      await buildah('rm', container);
    }
  } catch (error) {
    return `buildah cannot run a program in a container on this machine: ${error.message}`;
  }
  return null;
}

let skipped = null;
let image, container, tree;

before(async () => {
  skipped = await hindrance();
  if (skipped !== null) return;
  const ccache = (await command('ccache', ['--get-config', 'cache_dir'])).trim();
  fs.mkdirSync(ccache, {recursive: true});
  // The container may have no way to npm's registry, or not trust the one that this machine has.
  await command('npm', ['ci', '--ignore-scripts', '--omit=optional', '--prefer-offline', '--no-audit', '--no-fund'],
                {cwd: path.join(root, 'web')});
  const revision = (await command('git', ['rev-parse', 'HEAD'], {cwd: root}).catch(() => 'unknown')).trim();
  const built = await buildah('bud', '--pull-never', '--layers', '--format', 'docker', '-f', 'docker/Dockerfile', '-t', 'puna',
                              '--volume', `${ccache}:/ccache`, '--build-arg', 'VERSION=test', '--build-arg',
                              `REVISION=${revision}`, '.');
  image = built.split('\n').at(-1);
  container = await buildah('from', '--pull-never', image);
  tree = await buildah('mount', container);
});

after(async () => {
  if (container === undefined) return;
  await buildah('rm', container);
  // What no image needs any more.
  await buildah('rmi', '--prune').catch(() => {});
});

// A test of the image, or the reason why there is none.
const imageTest = (name, body) => test(name, t => skipped === null ? body(t) : t.skip(skipped));

imageTest('its configuration says who runs what, how it is stopped, and how it is asked for its health', async () => {
  const {config} = JSON.parse(await buildah('inspect', '--type', 'image', image)).Docker;
  assert.equal(config.User, '65532:65532');
  assert.equal(config.StopSignal, 'SIGTERM');
  assert.deepEqual(config.Entrypoint, ['/usr/bin/puna']);
  assert.deepEqual(config.Cmd, ['serve']);
  assert.deepEqual(config.Healthcheck.Test, ['CMD', '/usr/bin/puna', 'health']);
  assert.deepEqual(config.ExposedPorts, {'8080/tcp': {}});
  assert.equal(config.Labels['org.opencontainers.image.version'], 'test');
});

imageTest('it holds the program, its demo model, its libraries, their licences, and nothing else', async () => {
  const machine = os.arch() === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  const files = fs.readdirSync(tree, {recursive: true, withFileTypes: true}).filter(entry => !entry.isDirectory())
    .map(entry => path.relative(tree, path.join(entry.parentPath ?? entry.path, entry.name)))
    // What buildah itself mounts files on.
    .filter(file => !/^(dev|proc|sys|run)\/|^etc\/(hosts|resolv\.conf)$/.test(file));
  const doc = files.filter(file => file.startsWith('usr/share/doc/'));
  const expected = fs.readFileSync(`${here}/image-files.txt`, 'utf8').replaceAll('MACHINE', machine).trim().split('\n');
  assert.deepEqual(files.filter(file => !doc.includes(file)).sort(), expected.sort());

  const packages = fs.readFileSync(`${tree}/usr/share/puna/packages`, 'utf8').trim().split('\n');
  for (const line of packages) assert.match(line, /^[a-z][\w.+-]+ [\w.:+~-]+$/);
  assert.deepEqual(doc.sort(), [...packages.map(line => line.split(' ')[0]), 'puna']
    .map(name => `usr/share/doc/${name}/copyright`).sort());
  for (const file of files) {
    const {mode, uid} = fs.lstatSync(path.join(tree, file));
    assert.equal(mode & 0o6000, 0, `${file} gives rights`);
    assert.equal(uid, 0, `${file} is not the server's to change`);
  }
});

// The process of that command line, as the machine sees it.
function processWith(argument) {
  return fs.readdirSync('/proc').filter(name => /^\d+$/.test(name)).find(pid => {
    try {
      const [program, ...args] = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return program === '/usr/bin/puna' && args.includes(argument);
    } catch {
      return false;  // it has ended meanwhile
    }
  });
}

imageTest('it serves a mounted model as nobody in particular, is healthy, answers, and ends when told to', async () => {
  const port = await freePort('127.0.0.1');
  const running = ['run', '--volume', `${root}/models:/models:ro`, '--env', `PUNA_PORT=${port}`,
                   '--env', 'PUNA_MODEL=/models/demo', container, '--', '/usr/bin/puna'];
  const server = spawn('buildah', [...storage, ...running, 'serve', '--log-level', 'info'],
                       {env, stdio: ['ignore', 'pipe', 'inherit']});
  const exited = once(server, 'exit');
  let said = '';
  server.stdout.setEncoding('utf8').on('data', text => said += text);
  await eventually(() => said.includes('Ready.') || server.exitCode !== null);
  assert.match(said, /model +demo \(\/models\/demo\)/);

  const pid = processWith('serve');
  try {
    const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
    assert.match(status, /^Uid:\t65532\t65532\t65532\t65532$/m);
    assert.match(status, /^Gid:\t65532\t65532\t65532\t65532$/m);
    const mount = fs.readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n').filter(line => / \S*\/models /.test(line)).at(-1);
    assert.match(mount, / ro[, ]/);

    assert.equal(await buildah(...running, 'health'), 'ok: demo');
    const answer = await chat(`http://127.0.0.1:${port}`, user('What is the capital of France?'));
    assert.equal(answer.choices[0].message.content, 'The capital of France is Paris.');
  } finally {
    process.kill(Number(pid), 'SIGTERM');
  }
  assert.deepEqual(await exited, [0, null]);
  await assert.rejects(buildah(...running, 'health'), /no server answers on 127\.0\.0\.1/);
});
