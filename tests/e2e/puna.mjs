// `puna serve` as a child process, for a test file.

import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {fileURLToPath} from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));
export const binary = process.env.PUNA_BINARY ?? `${root}build/release/puna`;

// Starts the server on a free port (if `args` name none) with the demo model and waits until it says where it listens.
export async function startPuna(...args) {
  if (!args.includes('--port')) args.push('--port', '0');
  const child = spawn(binary, ['serve', ...args], {stdio: ['ignore', 'pipe', 'pipe']});
  let output = '';
  const url = await new Promise((resolve, reject) => {
    const read = (bytes) => {
      output += bytes;
      const found = output.match(/http:\/\/127\.0\.0\.1:\d+/);
      if (found) resolve(found[0]);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('error', reject);
    child.on('exit', (code, signal) => reject(new Error(`puna serve ended with ${code ?? signal}: ${output}`)));
  });
  return {
    url,
    process: child,
    output: () => output,
    // Asks it to end as `kill` and Ctrl-C do; it must say that all went well.
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      assert.equal(child.exitCode, 0, `puna serve ended with ${child.exitCode ?? child.signalCode}: ${output}`);
    },
  };
}
