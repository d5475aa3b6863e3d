// A server with a state. arguments: options of enablePanicOnCrash, size of the state in characters
const http = require('http');
const { enablePanicOnCrash } = require('autopsy-node/panic');

const options = JSON.parse(process.argv[2] || '{}');
const size = Number(process.argv[3] || 0);
enablePanicOnCrash(options);
const shared = { shared: true };
panicDbg.set('request', { url: '/x', list: [1, 'two', null], shared });
panicDbg.set('again', shared);
// characters of four bytes, so that pieces of the text would be cut in the middle of one
if (size) panicDbg.set('big', `x${'\u{1f600}'.repeat(size / 2)}`);
let served = 0;
const server = http.createServer((request, response) => response.end(String(++served)));
server.listen(0, '127.0.0.1', () => console.log(`ready ${server.address().port}`));
