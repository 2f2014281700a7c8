// Stands between the browser and the real server: passes everything on, but for what a test takes over. So the page's files and
// headers are always the real ones, while a model that says anything, and a server that fails in any way, are a few lines.

import {readFileSync} from 'node:fs';
import http from 'node:http';
import {extname} from 'node:path';

// `target`: the real server's URL; may be replaced while the proxy runs. `routes`: {'/path': (request, response, body, pass) =>
// ...}, where `pass(body)` goes on to the real server with that body. PUNA_WEB=FOLDER serves the page's own files from there, to
// try changes without building.
export async function startProxy(target, routes = {}) {
  const proxy = {target, routes, requests: [], closedEarly: 0};
  const server = http.createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const path = request.url.split('?')[0];
    if (request.method === 'POST') proxy.requests.push({path, body: JSON.parse(body)});
    response.on('close', () => {
      if (!response.writableFinished && path.startsWith('/v1/chat')) proxy.closedEarly += 1;
    });
    const route = proxy.routes[path];
    const pass = (changed) => passOn(proxy.target, request, Buffer.from(JSON.stringify(changed)), response);
    if (route) return route(request, response, body.length > 0 ? JSON.parse(body) : null, pass);
    passOn(proxy.target, request, body, response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy.url = `http://127.0.0.1:${server.address().port}`;
  proxy.close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return proxy;
}

const types = {'.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml'};
const names = ['accept-encoding', 'authorization', 'content-type', 'if-none-match'];

function passOn(target, request, body, response) {
  const headers = Object.fromEntries(names.filter((name) => request.headers[name]).map((name) => [name, request.headers[name]]));
  const onward = http.request(target + request.url, {method: request.method, headers}, (answer) => {
    const own = ownFile(request.url);
    if (own) {
      for (const name of ['content-encoding', 'content-length', 'etag']) delete answer.headers[name];
      answer.headers['content-type'] = types[extname(request.url) || '.html'];
    }
    response.writeHead(own ? 200 : answer.statusCode, answer.headers);
    if (own) return response.end(own);
    answer.pipe(response);
    answer.on('error', () => response.destroy());
  });
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());
  onward.end(body);
}

function ownFile(url) {
  if (!process.env.PUNA_WEB) return null;
  try {
    return readFileSync(process.env.PUNA_WEB + (url === '/' ? '/index.html' : url));
  } catch {
    return null;
  }
}

// A scripted /v1/chat/completions: `script(request, answer)` uses text(piece), end(reason), fail(error), cut() and refuse().
export function scripted(script) {
  return (_, response, body) => script(body, answerOn(response));
}

function answerOn(response) {
  const event = (chunk) => response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  const choice = (delta, more = {}) => ({choices: [{index: 0, delta, finish_reason: null, ...more}], usage: null});
  let pieces = 0;
  return {
    refuse(status, error, headers = {}) {
      response.writeHead(status, {'Content-Type': 'application/json', ...headers});
      response.end(JSON.stringify({error}));
    },
    text(piece) {
      if (!response.headersSent) {
        response.writeHead(200, {'Content-Type': 'text/event-stream'});
        event({...choice({role: 'assistant', content: ''}), prompt_token_ids: [1, 2, 3]});
      }
      pieces += 1;
      event(choice({content: piece}, {token_ids: [pieces % 2048]}));
    },
    fail(error) {
      response.end(`event: error\ndata: ${JSON.stringify({error})}\n\n`);
    },
    end(reason = 'stop') {
      event(choice({}, {finish_reason: reason}));
      event({choices: [], usage: {prompt_tokens: 3, completion_tokens: pieces, total_tokens: pieces + 3}});
      response.end('data: [DONE]\n\n');
    },
    cut: () => response.destroy(),
  };
}

// Answers everything at once with one text.
export function says(text, reason = 'stop') {
  return scripted((_, answer) => {
    answer.text(text);
    answer.end(reason);
  });
}
