'use strict';
// CPU per request of an HTTP server alone, with the free and with the armed tier, interleaved.
// node bench/http.js [--node PATH] [PAIRS] [REQUESTS]

const { spawn } = require('child_process');
const http = require('http');
const path = require('path');

const REGISTER = path.join(__dirname, '..', 'register.js');
const CONNECTIONS = 10;

const SERVER = `
  const http = require('http');
  async function work(url) { await null; return { url, list: [1, 2, 3], at: Date.now() }; }
  let start = null;
  http.createServer(async (request, response) => {
    if (request.url === '/start') start = process.cpuUsage();
    if (request.url === '/stop') { const used = process.cpuUsage(start); response.end(String(used.user + used.system)); return; }
    response.end(JSON.stringify(await work(request.url)));
  }).listen(0, '127.0.0.1', function () { console.log(this.address().port); });
`;

function get(agent, port, url) {
  return new Promise((resolve, reject) => {
    http.get({ agent, port, host: '127.0.0.1', path: url }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => { text += part; }).on('end', () => resolve(text));
    }).on('error', reject);
  });
}

async function burst(agent, port, requests) {
  let left = requests;
  const lane = async () => { while (left-- > 0) await get(agent, port, '/work'); };
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
}

// Microseconds of the server's CPU for one request.
async function measure(node, tier, requests) {
  const flags = tier === 'alone' ? [] : ['--require', REGISTER];
  const server = spawn(node, [...flags, '-e', SERVER], {
    env: Object.assign({}, process.env, { AUTOPSY_TIER: tier }), stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = Number(await new Promise((resolve) => server.stdout.once('data', resolve)));
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  await burst(agent, port, requests / 2);
  await get(agent, port, '/start');
  await burst(agent, port, requests);
  const used = Number(await get(agent, port, '/stop'));
  agent.destroy();
  server.kill();
  return used / requests;
}

// Mean and 95 % interval of what the tier costs more, in percent, over pairs.
function interval(base, other) {
  const more = base.map((value, i) => (other[i] / value - 1) * 100);
  const mean = more.reduce((sum, value) => sum + value, 0) / more.length;
  const spread = Math.sqrt(more.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (more.length - 1) / more.length);
  return `${mean.toFixed(1)} % [${(mean - 2.09 * spread).toFixed(1)}, ${(mean + 2.09 * spread).toFixed(1)}]`;
}

async function main(args) {
  let node = process.execPath;
  if (args[0] === '--node') [, node] = args.splice(0, 2);
  const pairs = Number(args[0] || 20);
  const requests = Number(args[1] || 4000);
  const found = { alone: [], free: [], armed: [] };
  for (let i = 0; i < pairs; i++) {
    for (const tier of Object.keys(found)) found[tier].push(await measure(node, tier, requests));
  }
  const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1].toFixed(1);
  for (const tier of Object.keys(found)) {
    const more = tier === 'alone' ? '' : `, more: ${interval(found.alone, found[tier])}`;
    console.log(`${tier.padEnd(6)} ${median(found[tier])} us of CPU a request${more}`);
  }
}

main(process.argv.slice(2)).catch((error) => { console.error(error); process.exit(1); });
