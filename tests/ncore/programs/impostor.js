// Listens where its inspector would, and answers as it was told to: a peer is not to be trusted.
const { createHash } = require('crypto');
const http = require('http');

const [kind] = process.argv.slice(2);
const url = (port, path) => `ws://127.0.0.1:${port}${path}`;

function frame(text, opcode = 0x81, length = text.length) {
  const head = length < 126 ? Buffer.from([opcode, length]) : Buffer.alloc(10);
  if (length >= 126) {
    head[0] = opcode;
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, Buffer.from(text)]);
}

const lists = {
  garbage: () => 'this is no JSON',
  empty: () => '[]',
  deep: () => '['.repeat(100000),
  elsewhere: (port) => JSON.stringify([{ webSocketDebuggerUrl: url(port, '/a b\r\nX: y') }]),
};

const server = http.createServer((request, response) => {
  const { port } = server.address();
  if (kind === 'silent') return;
  if (kind === 'redirect') { response.writeHead(302, { Location: `http://127.0.0.1:${port}/other` }); response.end(); return; }
  if (kind === 'endless') {
    const more = () => { while (response.write('[1,'.repeat(10000))); };
    response.writeHead(200);
    response.on('drain', more).on('error', () => {});
    more();
    return;
  }
  response.end(lists[kind] ? lists[kind](port) : JSON.stringify([{ webSocketDebuggerUrl: url(port, '/0-a') }]));
});

const answers = {
  // says it is another process
  other: (id) => frame(JSON.stringify({ id, result: { result: { type: 'string', value: '{"pid":1,"panic":true,"version":"v1","dirs":["/"]}' } } })),
  number: (id) => frame(JSON.stringify({ id, result: { result: { type: 'number', value: 7 } } })),
  nonsense: () => frame('{"id":'),
  huge: () => frame('', 0x81, 2 ** 40),
  events: () => Buffer.concat(Array.from({ length: 2000 }, (_, i) => frame(`{"method":"E.e","params":{"i":${i}}}`))),
  closes: () => frame('', 0x88, 0),
  mute: () => Buffer.alloc(0),
};

server.on('upgrade', (request, socket) => {
  const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  let id = 0;
  socket.on('error', () => {}).on('data', () => { socket.write(answers[kind](++id)); });
});

server.listen(Number(process.argv[3]), '127.0.0.1', () => console.log('ready'));
