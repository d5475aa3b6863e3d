'use strict';
// Requests a second and CPU per request of an HTTP server alone, with the free and with the armed tier, interleaved.
// Fails if the free tier certainly costs 1 % or more: if all of the 95 % interval of its cost is above.
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

// Microseconds of the server's CPU for one request, and requests a second.
async function measure(node, tier, requests) {
  const flags = tier === 'alone' ? [] : ['--require', REGISTER];
  const server = spawn(node, [...flags, '-e', SERVER], {
    env: Object.assign({}, process.env, { AUTOPSY_TIER: tier }), stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = Number(await new Promise((resolve) => server.stdout.once('data', resolve)));
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  await burst(agent, port, requests / 2);
  await get(agent, port, '/start');
  const began = Date.now();
  await burst(agent, port, requests);
  const seconds = (Date.now() - began) / 1000;
  const used = Number(await get(agent, port, '/stop'));
  agent.destroy();
  server.kill();
  return { cpu: used / requests, rate: requests / seconds };
}

// Mean and 95 % interval of what the tier costs more, in percent, over pairs.
function interval(base, other) {
  const more = base.map((value, i) => (other[i] / value - 1) * 100);
  const mean = more.reduce((sum, value) => sum + value, 0) / more.length;
  const spread = Math.sqrt(more.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (more.length - 1) / more.length);
  // Student's t of 19 degrees of freedom: 20 pairs
  return { mean, least: mean - 2.09 * spread, most: mean + 2.09 * spread };
}

async function main(args) {
  let node = process.execPath;
  if (args[0] === '--node') [, node] = args.splice(0, 2);
  const pairs = Number(args[0] || 20);
  const requests = Number(args[1] || 4000);
  const found = { alone: [], free: [], armed: [] };
  const tiers = Object.keys(found);
  // Each of them comes first as often as the others.
  for (let i = 0; i < pairs; i++) {
    for (let k = 0; k < tiers.length; k++) {
      const tier = tiers[(i + k) % tiers.length];
      found[tier].push(await measure(node, tier, requests));
    }
  }
  const cpu = (tier) => found[tier].map((one) => one.cpu);
  const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
  for (const tier of tiers) {
    const rate = median(found[tier].map((one) => one.rate)).toFixed(0);
    const { mean, least, most } = interval(cpu('alone'), cpu(tier));
    const more = tier === 'alone' ? '' : `, more: ${mean.toFixed(1)} % [${least.toFixed(1)}, ${most.toFixed(1)}]`;
    console.log(`${tier.padEnd(6)} ${rate.padStart(6)} requests/s, ${median(cpu(tier)).toFixed(1)} us of CPU a request${more}`);
    if (tier === 'free' && least >= 1) {
      console.log('FAIL: the free tier costs 1 % or more');
      process.exitCode = 1;
    }
  }
}

main(process.argv.slice(2)).catch((error) => { console.error(error); process.exit(1); });
