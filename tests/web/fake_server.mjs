// The page's files and a scripted /v1 behind one port, for answers no trained model would give on request.

import {readFileSync} from 'node:fs';
import http from 'node:http';
import {extname} from 'node:path';

const web = new URL('../../web/', import.meta.url);
const types = {'.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml'};
const policy = "default-src 'self'; img-src 'self' data:; object-src 'none'; frame-ancestors 'none'; base-uri 'none'";

// `chat(request, answer)` writes an answer: text(piece), end(reason), fail(message), cut(), or refuse(status, error).
export async function startFake(chat) {
  const state = {requests: [], closedEarly: 0};
  const server = http.createServer(async (request, response) => {
    response.setHeader('Content-Security-Policy', policy);
    if (request.url === '/v1/models') {
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({object: 'list', data: [{id: 'scripted', object: 'model'}]}));
    } else if (request.url === '/v1/chat/completions') {
      let body = '';
      for await (const chunk of request) body += chunk;
      state.requests.push(JSON.parse(body));
      response.on('close', () => {
        if (!response.writableEnded) state.closedEarly += 1;
      });
      await chat(state.requests.at(-1), answerOn(response));
    } else {
      servePage(request.url, response);
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return {url, state, close};
}

function answerOn(response) {
  const event = (chunk) => response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  const choice = (delta, finish_reason = null) => ({choices: [{index: 0, delta, finish_reason}], usage: null});
  let pieces = 0;
  let started = false;
  return {
    refuse(status, error) {
      response.writeHead(status, {'Content-Type': 'application/json'});
      response.end(JSON.stringify({error}));
    },
    text(piece) {
      if (!started) {
        response.writeHead(200, {'Content-Type': 'text/event-stream'});
        event(choice({role: 'assistant', content: ''}));
        started = true;
      }
      pieces += 1;
      event(choice({content: piece}));
    },
    fail(message) {
      response.end(`event: error\ndata: ${JSON.stringify({error: {message}})}\n\n`);
    },
    end(reason = 'stop') {
      event(choice({}, reason));
      event({choices: [], usage: {prompt_tokens: 1, completion_tokens: pieces, total_tokens: pieces + 1}});
      response.end('data: [DONE]\n\n');
    },
    cut() {
      response.destroy();
    },
  };
}

function servePage(url, response) {
  const name = url === '/' ? 'index.html' : url.slice(1);
  try {
    const bytes = readFileSync(new URL(name, web));
    response.writeHead(200, {'Content-Type': types[extname(name)]});
    response.end(bytes);
  } catch {
    response.writeHead(404).end();
  }
}
