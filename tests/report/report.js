'use strict';
// The page of `report --html` and the JSON of report: report.js AUTOPSY CORE LATER SNAPSHOT DIR [CHROMIUM]
// What must not be there: secrets, scripts, anything to load. What must: suspects, stack, values. A browser has the last word.
const { spawnSync } = require('child_process');
const fs = require('fs');
const path = require('path');

const [autopsy, core, later, snapshot, dir, chromium] = process.argv.slice(2);
const source = fs.readFileSync(path.join(__dirname, 'program.js'), 'utf8').split('\n');
let passed = 0, failed = 0;

function check(ok, what) {
  if (ok) {
    passed++;
  } else {
    failed++;
    console.log(`FAIL  ${what}`);
  }
}

function run(...args) {
  const r = spawnSync(autopsy, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  check(r.status === 0, `autopsy ${args.join(' ')}: ${r.status} ${r.stderr}`);
  return r.stdout;
}

const text = (html) => html.replace(/<style>[^]*?<\/style>/, '').replace(/<[^>]*>/g, ' ')
  .replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&quot;/g, '"').replace(/&#39;/g, "'").replace(/&amp;/g, '&');

function page(file, target, ...more) {
  run('report', target, '--html', file, ...more);
  const html = fs.readFileSync(file, 'utf8');
  check((fs.statSync(file).mode & 0o77) === 0, 'only its owner may read it');
  const tags = html.match(/<[^>]*>/g).join('\n');
  check(!/<(script|img|link|iframe|object|embed|svg|form|a|base)\b|\son\w+\s*=/i.test(tags), 'no script and nothing to load');
  check(!/\b(src|href|srcset|action)\s*=|https?:|javascript:/i.test(tags) && !/url\(|@import/.test(/<style>[^]*?<\/style>/.exec(html)[0]), 'no address');
  check(/Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/.test(html), 'a policy against loading');
  // eslint-disable-next-line no-control-regex
  check(!/[\u0000-\u0008\u000b-\u001f\u202a-\u202e\u2066-\u2069]/.test(html), 'no control characters, no overrides');
  // Every element is closed: a name with a tag in it cannot have opened one.
  const open = [];
  for (const [, slash, tag] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*>/g)) {
    if (/^(meta|br)$/.test(tag))
      continue;
    if (!slash)
      open.push(tag);
    else
      check(open.pop() === tag, `</${tag}> closes what is open`);
  }
  check(open.length === 0, `left open: ${open}`);
  return html;
}

const file = (name) => path.join(dir, name);
const html = page(file('core.html'), core);
const words = text(html);
for (const want of ['Cannot read properties of undefined', 'pay', 'your code', 'return session.missing.field',
  '20,000 Session', 'Map `cache`', 'leaky.</td><script>', 'Session', 'JS heap', '\\u202e', 'user: "rex"'])
  check(words.includes(want), `the page says ${want}`);
check(!/hunter2|4111/.test(html), 'secrets are masked');
const open = page(file('open.html'), core, '--show-secrets');
check(/hunter2-password/.test(open) && /hunter2-token/.test(open) && /4111/.test(open), '--show-secrets shows them');
const graph = page(file('snapshot.html'), snapshot);
check(/20,000 Session/.test(text(graph)), 'a page of a heap snapshot');

// A file of that name is not replaced unasked.
const again = spawnSync(autopsy, ['report', core, '--html', file('core.html')], { encoding: 'utf8' });
check(again.status === 2 && /exist/.test(again.stderr), `a second page: ${again.status} ${again.stderr}`);
run('report', core, '--html', file('core.html'), '-f');

// JSON: the same facts, the old keys where they were.
const { data } = JSON.parse(run('report', core, '--json'));
check(data.verdict.kind === 'uncaught-error' && data.suspects_looked_for === false && Array.isArray(data.suspects), 'report --json: an error, no suspects');
check(data.also.timers === 0 && data.also.servers === 0 && data.also.workers === 0, 'report --json: also');
const suspects = JSON.parse(run(core, '--json', '-e', 'suspects')).data;
check(suspects.suspects[0].variable === 'cache' && suspects.suspects[0].entries === 20000, 'suspects of the core: cache');
// What the source says of taking entries out.
const of = (name) => suspects.suspects.find((s) => s.variable === name) || {};
check(of('leaky').entries === 20000 && of('leaky').path.includes('<script>'), `suspects of the core: leaky: ${JSON.stringify(of('leaky').text)}`);
check(/^nothing in .*program\.js takes anything out of it \(guess\)$/.test(of('cache').removal), `removal of cache: ${of('cache').removal}`);
check(new RegExp(`program\\.js:${source.findIndex((l) => l.includes('ring.shift')) + 1} takes something out`).test(of('ring').removal), `removal of ring: ${of('ring').removal}`);

// Two cores of one program: what grew. And a core beside a snapshot, either way round.
const row = (rows, key, name) => rows.find((r) => r[key] === name) || {};
const grown = JSON.parse(run('diff', '--json', core, later)).data;
check(row(grown.groups, 'constructor', 'Session').change === 'grown' && row(grown.groups, 'constructor', 'Session').count_delta === 5000, 'diff of cores: 5000 Session more');
check(row(grown.variables, 'variable', 'cache').bytes_delta > 500000 && row(grown.variables, 'variable', 'cache').change === 'grown', 'diff of cores: the variable cache');
const back = JSON.parse(run('diff', '--json', later, core)).data;
check(row(back.groups, 'constructor', 'Session').change === 'shrunk' && back.old_bytes === grown.new_bytes, 'diff of cores, the other way round');
check(row(JSON.parse(run('diff', '--json', snapshot, later)).data.groups, 'constructor', 'Session').count_delta === 5000, 'diff of a snapshot and a core');
check(row(JSON.parse(run('diff', '--json', later, snapshot)).data.groups, 'constructor', 'Session').count_delta === -5000, 'diff of a core and a snapshot');
const other = JSON.parse(run('diff', '--json', core, snapshot)).data;
check(!row(other.groups, 'constructor', 'Session').change, 'diff of the same: no Session');

const live = JSON.parse(run(core, '--json', '-e', `report --html ${file('json.html')}`)).data;
check(live.html === file('json.html') && live.suspects_looked_for && live.suspects[0].variable === 'cache', 'report --html as JSON');

function browser(name, width) {
  const picture = file(`${name}-${width}.png`);
  const common = ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', `--user-data-dir=${file('profile')}`, '--virtual-time-budget=2000'];
  const dom = spawnSync(chromium, [...common, '--dump-dom', `file://${file(`${name}.html`)}`], { encoding: 'utf8', timeout: 60000 });
  check(dom.status === 0 && !/<script|<img/i.test(dom.stdout) && !/<title>owned/.test(dom.stdout), `${name}: what the browser made of it`);
  check(text(dom.stdout).includes('leaky.</td><script>'), `${name}: hostile names are text`);
  spawnSync(chromium, [...common, `--window-size=${width},1600`, `--screenshot=${picture}`, `file://${file(`${name}.html`)}`], { timeout: 60000 });
  check(fs.existsSync(picture) && fs.statSync(picture).size > 20000, `${name}: a picture ${width} wide`);
}
if (chromium) {
  browser('core', 390);
  browser('snapshot', 1200);
} else {
  console.log('skip  no chromium: the pages were not shown');
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
