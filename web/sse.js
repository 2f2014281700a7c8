// Server-sent events out of a fetch body: yields {event, data} per event, in order. However fast they come, the page gets its turn
// every few milliseconds. Lines may end in \n, \r\n or \r, and may be cut anywhere between two network chunks, also inside a character.

const longestTurn = 10;  // ms

// Lets the browser draw and react before the next event. Not a timer, which tabs in the background are denied.
function breathe() {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      resolve();
    };
    channel.port2.postMessage(null);
  });
}

export async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = '';
  let event = '';
  let data = [];
  let turn = performance.now();
  try {
    for (;;) {
      const {value, done} = await reader.read();
      buffer += value ?? '';
      let end;
      while ((end = lineEnd(buffer, done)) !== null) {
        const line = buffer.slice(0, end.at);
        buffer = buffer.slice(end.at + end.length);
        if (line === '') {
          if (data.length > 0) yield {event: event || 'message', data: data.join('\n')};
          if (performance.now() - turn > longestTurn) {
            await breathe();
            turn = performance.now();
          }
          event = '';
          data = [];
        } else if (line.startsWith('data:')) {
          data.push(line.slice(line[5] === ' ' ? 6 : 5));
        } else if (line.startsWith('event:')) {
          event = line.slice(6).trim();
        }
      }
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

// A \r at the very end may be the first half of \r\n: wait for more unless this is the end.
function lineEnd(text, done) {
  const at = text.search(/[\r\n]/);
  if (at < 0) return null;
  if (text[at] === '\n') return {at, length: 1};
  if (at + 1 === text.length && !done) return null;
  return {at, length: text[at + 1] === '\n' ? 2 : 1};
}
