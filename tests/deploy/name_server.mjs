// As much of a name server as a container's is for its neighbours: names with addresses, over UDP.

import dgram from 'node:dgram';
import {once} from 'node:events';

const typeA = 1;

// {name, end} of the name that begins at `at`: a length before each label, zero at the end.
function readName(packet, at) {
  const labels = [];
  for (let length = packet[at]; length > 0; length = packet[at]) {
    labels.push(packet.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return {name: labels.join('.').toLowerCase(), end: at + 1};
}

// The answer to a query with one question. Names that have no address do not exist.
export function answer(query, names) {
  const {name, end} = readName(query, 12);
  const addresses = query.readUInt16BE(end) === typeA ? names[name] ?? [] : [];
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(name in names ? 0x8180 : 0x8183, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(addresses.length, 6);
  const records = addresses.map(address => Buffer.from([
    0xc0, 12, 0, typeA, 0, 1, /* seconds it is good for */ 0, 0, 0, 1, 0, 4, ...address.split('.').map(Number)]));
  return Buffer.concat([header, query.subarray(12, end + 4), ...records]);
}

// {port, close()}. `names`: {name: [address, ...]}.
export async function nameServer(names) {
  const socket = dgram.createSocket('udp4');
  socket.on('message', (query, from) => socket.send(answer(query, names), from.port, from.address));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {port: socket.address().port, close: () => socket.close()};
}
