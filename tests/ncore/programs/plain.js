// No panic here. arguments: listen on this port instead of any
const http = require('http');

const server = http.createServer((request, response) => response.end(process.env.ANSWER || 'fine'));
server.listen(Number(process.argv[2] || 0), '127.0.0.1', () => console.log(`ready ${server.address().port}`));
