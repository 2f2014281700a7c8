// How the program starts, is watched, and ends: for whoever supervises it.

import assert from 'node:assert/strict';
import {execFile, spawn} from 'node:child_process';
import {createHash} from 'node:crypto';
import {once} from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {test} from 'node:test';
import {promisify} from 'node:util';
import {binary, chat, healthy, post, root, run, serve, user} from './support.mjs';

const modelFileChanged = 74;
const checkpoint = 'consolidated.00.pth';

// Goes on until something ends it: what ends answers is ruled out.
const endless = {model: 'demo', prompt: 'x', max_tokens: 8000, logit_bias: {1793: -100, 1800: -100, 1801: -100}};

async function inDirectory(body) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'puna-'));
  try {
    await body(directory);
  } finally {
    fs.rmSync(directory, {recursive: true});
  }
}

// A copy of the demo model under its name, to be spoiled.
const withModel = body => inDirectory(async directory => {
  const model = path.join(directory, 'demo');
  fs.mkdirSync(model);
  for (const name of ['params.json', 'tokenizer.model', checkpoint])
    fs.copyFileSync(`${root}/models/demo/${name}`, path.join(model, name));
  await body(model, directory);
});

test('health says 0 or 1 and why', async () => {
  const server = await serve(['--drain', '100']);
  const port = new URL(server.url).port;
  assert.deepEqual(await run(['health', '--port', port]), {code: 0, stdout: 'ok: demo\n', stderr: ''});
  assert.equal((await run(['health'], {env: {PUNA_PORT: port, PUNA_HOST: '0.0.0.0'}})).code, 0);
  const answer = post(server.url, '/v1/completions', endless);
  await healthy(server.url, ({requests}) => requests.running === 1);
  server.signal('SIGTERM');
  await healthy(server.url, ({status}) => status === 'draining');
  const draining = await run(['health', '--port', port]);
  assert.deepEqual(draining, {code: 1, stdout: '', stderr: `puna: the server on port ${port} is draining\n`});
  server.signal('SIGTERM');
  assert.equal((await answer).status, 503);
  assert.equal(await server.exited, 0);
  const gone = await run(['health', '--port', port]);
  assert.deepEqual(gone, {code: 1, stdout: '', stderr: `puna: no server answers on 127.0.0.1 port ${port}\n`});
});

test('with --drain-delay new requests are taken until balancers have seen that they should not come', async () => {
  const server = await serve(['--drain-delay', '600']);
  server.signal('SIGTERM');
  await healthy(server.url, ({status}) => status === 'draining');
  const answer = await chat(server.url, user('What is the capital of France?'));
  assert.equal(answer.choices[0].message.content, 'The capital of France is Paris.');
  server.signal('SIGTERM');
  assert.equal(await server.exited, 0);
});

test('a model file that is cut short under a server ends it with a sentence', () => withModel(async model => {
  const server = await serve(['--model', model]);
  fs.truncateSync(path.join(model, checkpoint), 4096);
  // A request finds it, or the server by itself.
  await chat(server.url, user('What is the capital of France?')).then(() => assert.fail('an answer'), () => {});
  assert.equal(await server.exited, modelFileChanged);
  assert.match(server.log(), /^puna: .*consolidated\.00\.pth: [^\n]*$/m);
  const again = await run(['serve', '--port', '0', '--model', model]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /^puna: .*consolidated\.00\.pth: [^\n]+\n$/);
}));

test('a model file that is written to ends the server before anything is made of it', () => withModel(async model => {
  const server = await serve(['--model', model]);
  const running = post(server.url, '/v1/completions', endless).then(response => response.status, () => 'broken off');
  await healthy(server.url, ({requests}) => requests.running === 1);
  const file = fs.openSync(path.join(model, checkpoint), 'r+');
  fs.writeSync(file, Buffer.alloc(1 << 20), 0, 1 << 20, 1 << 20);
  fs.closeSync(file);
  assert.equal(await running, 'broken off');
  assert.equal(await server.exited, modelFileChanged);
  assert.match(server.log(), /^puna: .*consolidated\.00\.pth: was written to while in use/m);
}));

test('an idle server notices too', () => withModel(async model => {
  const server = await serve(['--model', model]);
  fs.appendFileSync(path.join(model, 'tokenizer.model'), ' ');
  assert.equal(await server.exited, modelFileChanged);
  assert.match(server.log(), /tokenizer\.model: was written to/);
}));

test('a model that is replaced by renaming, or deleted, is served on', () => withModel(async (model, directory) => {
  const server = await serve(['--model', model]);
  fs.writeFileSync(path.join(directory, 'new'), 'not a checkpoint');
  fs.renameSync(path.join(directory, 'new'), path.join(model, checkpoint));
  fs.rmSync(path.join(model, 'tokenizer.model'));
  const answer = await chat(server.url, user('What is the capital of France?'));
  assert.equal(answer.choices[0].message.content, 'The capital of France is Paris.');
  assert.equal(await server.stop(), 0);
}));

test('SIGHUP opens the log anew, and without a log file ends the program as it ends others', () => inDirectory(async directory => {
  const log = path.join(directory, 'puna.log');
  const server = await serve(['--log-file', log]);
  const logged = async (file, pattern) => {
    for (;;) {
      if (fs.existsSync(file) && pattern.test(fs.readFileSync(file, 'utf8'))) return;
      await new Promise(setImmediate);
    }
  };
  await fetch(server.url + '/v1/models');
  await logged(log, /route=\/v1\/models /);
  fs.renameSync(log, log + '.1');
  server.signal('SIGHUP');
  await logged(log, /log opened again/);
  await fetch(server.url + '/v1/models/demo');
  await logged(log, /route=\/v1\/models\/\*/);
  assert.doesNotMatch(fs.readFileSync(log + '.1', 'utf8'), /\/v1\/models\/\*/);
  assert.equal(await server.stop(), 0);
  assert.equal(server.log(), '');

  const other = await serve();
  other.signal('SIGHUP');
  assert.equal(await other.exited, 'SIGHUP');
}));

// Prints each message that comes to a socket of systemd's kind, until there have been two.
const serviceManager = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('bound', flush=True)
for _ in range(2):
    print(s.recv(4096).decode().replace('\\n', ' | '), flush=True)
`;

test('systemd is told when the server is ready and when it stops', () => inDirectory(async directory => {
  const socket = path.join(directory, 'notify');
  const manager = spawn('python3', ['-c', serviceManager, socket], {stdio: ['ignore', 'pipe', 'inherit']});
  let heard = '';
  manager.stdout.setEncoding('utf8').on('data', text => heard += text);
  while (!heard.includes('bound')) await once(manager.stdout, 'data');
  const server = await serve([], {NOTIFY_SOCKET: socket});
  while (!heard.includes('READY')) await once(manager.stdout, 'data');
  assert.match(heard, new RegExp(`READY=1 \\| STATUS=serves demo on ${server.url}`));
  assert.equal(await server.stop(), 0);
  await once(manager, 'close');
  assert.match(heard, /STOPPING=1/);
}));

test('the unit of systemd is one', async t => {
  const verify = promisify(execFile)('systemd-analyze', ['verify', `${root}/deploy/systemd/puna.service`]);
  const {stderr, code} = await verify.catch(error => error);
  if (code === 'ENOENT') return t.skip('there is no systemd-analyze');
  const complaints = stderr.split('\n')
    // That Puna is not installed here is no mistake of the unit's.
    .filter(line => line.includes('puna.service') && !line.includes('/usr/local/bin/puna is not executable'));
  assert.deepEqual(complaints, []);
});

test('check finds nothing wrong with a good model', () => withModel(async model => {
  const sums = ['params.json', 'tokenizer.model', checkpoint].map(name =>
    `${createHash('md5').update(fs.readFileSync(path.join(model, name))).digest('hex')}  ${name}\n`);
  fs.writeFileSync(path.join(model, 'checklist.chk'), sums.join(''));
  const {code, stdout, stderr} = await run(['check', '--model', model]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^ +structure +good +39 tensors/m);
  assert.match(stdout, /^ +tokenizer +good +2,048 tokens/m);
  assert.match(stdout, /^ +numbers +good +2,361,024, none NaN or infinite/m);
  assert.match(stdout, /^ +checksums +good +3 files/m);
  assert.match(stdout, /^ +memory +good +weights 4\.72 MB/m);
  assert.match(stdout, /\ngood\n$/);
  assert.match(stderr, /^numbers: 100 %$/m);
}));

test('check finds NaN, a wrong sum, and a file that the list names and nobody has', () => withModel(async model => {
  const file = fs.openSync(path.join(model, checkpoint), 'r+');
  fs.writeSync(file, Buffer.from([0xc0, 0x7f, 0x80, 0xff]), 0, 4, 2 << 20);  // a NaN and an infinity of bf16
  fs.closeSync(file);
  fs.writeFileSync(path.join(model, 'checklist.chk'), `${'0'.repeat(32)}  params.json\n`);
  const spoiled = await run(['check', '--model', model]);
  assert.equal(spoiled.code, 1);
  assert.match(spoiled.stdout, /numbers +BAD +tensor '[\w.]+': 1 NaN and 1 infinite of [\d,]+, the first is element [\d,]+$/m);
  assert.match(spoiled.stdout, /checksums +BAD +params\.json: expected MD5 0+, found [0-9a-f]{32}/);
  assert.match(spoiled.stderr, /^puna: .*: 2 of the checks above went wrong\n$/m);
  fs.writeFileSync(path.join(model, 'checklist.chk'), `${'0'.repeat(32)}  consolidated.01.pth\n`);
  assert.match((await run(['check', '--model', model])).stdout, /checksums +BAD +.*consolidated\.01\.pth: no such file/);
  const tooLong = await run(['check', '--model', model, '--ctx', '100000', '--kv-memory', '1MiB']);
  assert.match(tooLong.stdout, /memory +BAD +a context of 100000 positions needs/);
}));

// What a shell with these limits would show: {code, stderr}.
async function limited(limits, args) {
  const child = spawn('bash', ['-c', `ulimit ${limits}; exec "$0" "$@"`, binary, ...args], {stdio: ['ignore', 'ignore', 'pipe']});
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', text => stderr += text);
  const [code, signal] = await once(child, 'close');
  return {code: code ?? signal, stderr};
}

test('what the machine does not give is one sentence each', () => inDirectory(async directory => {
  const sentence = /^puna: [^\n]+\n$/;
  for (const files of [4, 5, 6, 7]) {
    const {code, stderr} = await limited(`-n ${files}`, ['serve', '--port', '0']);
    assert.equal(code, 1, `${files} files: ${stderr}`);
    assert.match(stderr, sentence, `${files} files`);
  }
  // Too little for the KV pool, and for what comes before it.
  for (const kibibytes of [400_000, 100_000, 30_000]) {
    const {code, stderr} = await limited(`-v ${kibibytes}`, ['serve', '--port', '0', '--kv-memory', '1GiB']);
    assert.equal(code, 1, `${kibibytes} KiB: ${stderr}`);
    assert.match(stderr, sentence, `${kibibytes} KiB`);
  }
  fs.mkdirSync(path.join(directory, 'params.json'));
  for (const model of ['/does/not/exist', '/dev/null', directory]) {
    const {code, stderr} = await run(['serve', '--port', '0', '--model', model]);
    assert.equal(code, 1);
    assert.match(stderr, sentence);
  }
  const log = await run(['serve', '--log-file', directory]);
  assert.equal(log.code, 1);
  assert.match(log.stderr, /^puna: cannot log to [^\n]+: Is a directory\n$/);
}));
