// Running programs and finding ports, for the tests of how Puna is deployed.

import {execFile} from 'node:child_process';
import {once} from 'node:events';
import net from 'node:net';
import {promisify} from 'node:util';

const execute = promisify(execFile);

// The end of what a program wrote is what its error shows.
export async function command(file, args, options = {}) {
  try {
    return (await execute(file, args, {maxBuffer: 1 << 28, ...options})).stdout;
  } catch (error) {
    const said = `${error.stdout ?? ''}${error.stderr ?? ''}`.trim().split('\n').slice(-30).join('\n');
    throw new Error(`${file} ${args.join(' ')}\n${said || error.message}`);
  }
}

// A port that is free on each of the addresses, for now.
export async function freePort(...addresses) {
  for (;;) {
    let port = 0;
    const taken = [];
    try {
      for (const address of addresses) {
        const server = net.createServer().listen(port, address);
        await once(server, 'listening');
        taken.push(server);
        port = server.address().port;
      }
      return port;
    } catch (error) {
      if (error.code !== 'EADDRINUSE') throw error;
    } finally {
      for (const server of taken) server.close();
    }
  }
}

// Asks until `check` resolves to something true; the test runner's own limit ends the waiting.
export async function eventually(check) {
  for (;;) {
    const found = await check();
    if (found) return found;
    await new Promise(setImmediate);
  }
}
