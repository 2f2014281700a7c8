// Starts the real binary on a free port and speaks HTTP to it. Every answer is judged on its way: checked_fetch.mjs.

import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {fileURLToPath} from 'node:url';
import {readEvent} from './checked_fetch.mjs';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const binary = process.env.PUNA_BINARY ?? `${root}/build/release/puna`;

// Runs puna to its end: {code, stdout, stderr}.
export async function run(args, {input = '', env = {}} = {}) {
  const child = spawn(binary, args, {env: {...process.env, ...env}});
  const ran = {stdout: '', stderr: ''};
  child.stdout.setEncoding('utf8').on('data', text => ran.stdout += text);
  child.stderr.setEncoding('utf8').on('data', text => ran.stderr += text);
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return {code, ...ran};
}

// A server of its own: {url, stop(), ...}. stop() sends SIGTERM and resolves to the exit code; logged(pattern) waits
// until the log has it, read from the character `since` on.
export async function serve(args = [], env = {}) {
  const port = args.includes('--port') ? [] : ['--port', '0'];
  const child = spawn(binary, ['serve', ...port, ...args],
                      {env: {...process.env, ...env}, stdio: ['ignore', 'pipe', 'pipe']});
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', text => stdout += text);
  child.stderr.setEncoding('utf8').on('data', text => stderr += text);
  const exited = once(child, 'exit').then(([code, signal]) => code ?? signal);
  while (!stdout.includes('Ready.')) {
    const ended = await Promise.race([once(child.stdout, 'data').then(() => null), exited]);
    if (ended !== null) throw new Error(`puna ended with ${ended}: ${stderr}`);
  }
  const url = stdout.match(/\burl\s+(http:\S+)/)[1];
  return {
    url,
    pid: child.pid,
    summary: stdout,
    log: () => stderr,
    logged: async (pattern, since = 0) => {
      while (!pattern.test(stderr.slice(since)))
        await once(child.stderr, 'data', {signal: AbortSignal.timeout(120_000)});
    },
    signal: name => child.kill(name),
    exited,
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

export function post(url, path, body, {headers = {}, signal} = {}) {
  return fetch(url + path, {
    method: 'POST',
    headers: {'Content-Type': 'application/json', ...headers},
    body: typeof body === 'string' ? body : JSON.stringify(body),
    signal,
  });
}

export const user = content => [{role: 'user', content}];

export async function chat(url, messages, more = {}) {
  const response = await post(url, '/v1/chat/completions', {model: 'demo', messages, ...more});
  const answer = await response.json();
  assert.equal(response.status, 200, JSON.stringify(answer));
  return answer;
}

// The events of a streamed answer: [{event, data}], data parsed unless it is [DONE].
export async function events(response) {
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type'), /^text\/event-stream/);
  const text = await response.text();
  assert.ok(text.endsWith('\n\n'), 'the last event is whole');
  return text.split('\n\n').slice(0, -1).map(readEvent).filter(event => event !== null);
}

// Asks until `check` of /health is true; the test runner's own limit ends the waiting.
export async function healthy(url, check) {
  for (;;) {
    const health = await (await fetch(url + '/health')).json();
    if (check(health)) return health;
  }
}
