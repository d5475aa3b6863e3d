'use strict';
// Rows A1 to A8 and M1 to M12: opening a core, and mdb's language.

const { spawn, spawnSync } = require('child_process');
const fs = require('fs');
const http = require('http');
const path = require('path');

module.exports = (rows) => {
  rows.A1 = async ({ row, run, core, options, dir, holds }) => {
    await row('A1', 'the core alone, from an empty folder', async () => {
      const empty = path.join(dir, 'empty');
      fs.mkdirSync(empty);
      const r = run([core, '-e', '::status'], { cwd: empty });
      return holds(r.out, `file: ${options.node}`);
    });
    await row('A1', 'without the program its build-id is named', async () => {
      // A program of that name that is another one: the core knows its own.
      const copy = path.join(dir, 'another-node');
      fs.copyFileSync('/bin/true', copy);
      const r = run([copy, core, '-e', '::status']);
      return holds(r.err, /build-id/i, /[0-9a-f]{16}/);
    });
  };
  rows.A2 = async ({ row, run, core, options, same }) => {
    await row('A2', 'NODE CORE, in either order', async () => {
      const alone = run([core, '-e', '::jsstack']).out;
      return same(run([options.node, core, '-e', '::jsstack']).out, alone) || same(run([core, options.node, '-e', '::jsstack']).out, alone);
    });
  };
  rows.A3 = async ({ row, run, core, dir, options, autopsy, same, holds }) => {
    const want = run([core, '-e', '::jsstack']).out;
    for (const [tool, suffix] of [['gzip', 'gz'], ['zstd', 'zst'], ['xz', 'xz'], ['lz4', 'lz4']])
      await row('A3', `compressed with ${tool}`, async () => {
        const file = path.join(dir, `core.${suffix}`);
        const r = spawnSync('sh', ['-c', `${tool} ${tool === 'xz' ? '-0' : '-1'} -c < "$1" > "$2"`, 'sh', core, file], { encoding: 'utf8' });
        return r.status !== 0 ? r.stderr : same(run([file, '-e', '::jsstack']).out, want);
      });
    await row('A3', 'through a FIFO', async () => {
      const r = spawnSync('bash', ['-c', '"$0" "$1" <(zstd -dc < "$2") -e ::jsstack </dev/null', autopsy, options.node, path.join(dir, 'core.zst')], { encoding: 'utf8' });
      return same(r.stdout, want);
    });
  };
  rows.A4 = async ({ row, mdb, run, core, holds }) => {
    await row('A4', 'the first command may be ::jsstack; ::load is harmless', async () => holds(run([core, '-e', '::jsstack']).out, /^js: +c$/m) ||
      holds(await mdb.ask('::load v8'), 'mdb_v8 version: ', 'V8 version: ', 'Autoconfigured V8 support from target') ||
      holds(await mdb.ask('::load /usr/lib/mdb/mdb_v8.so'), 'Autoconfigured'));
  };
  rows.A5 = async ({ row, makeCore, run, dir, holds, same, lines }) => {
    await row('A5', "the readme's example", async () => {
      const program = path.join(dir, 'die.js');
      fs.writeFileSync(program, "var obj = { myproperty: 'Hello World', count: 0 };\nfunction increment() {\n  obj.count++;\n" +
        "  if (obj.count === 1000) throw new Error('1000');\n}\nsetInterval(increment, 0.01);\n");
      const core = makeCore('core.of.die', program, [], ['--abort-on-uncaught-exception']);
      const stack = run([core, '-e', '::jsstack']);
      const address = run([core, '-e', '::findjsobjects -p myproperty']).out.trim();
      const printed = run([core, '-e', `${address}::jsprint`]);
      fs.unlinkSync(core);
      return holds(stack.out, /^js: +increment$/m) || same(lines(address).length, 1) || holds(printed.out, '"myproperty": "Hello World"', '"count": 1000');
    });
  };
  rows.A7 = async ({ row, makeCore, run, tool, dir, autopsy, holds }) => {
    await row('A7', 'a sparse core of 12 GB: seconds, and little memory', async () => {
      const program = path.join(dir, 'sparse.js');
      fs.writeFileSync(program, "const all = [];\nfor (let i = 0; i < 3; i++) all.push(new ArrayBuffer(2 ** 32));\nfunction big() { process.abort(all); }\nbig();\n");
      const core = makeCore('core.of.sparse', program);
      const size = fs.statSync(core).size;
      const r = spawnSync(tool('measure'), ['-n', '1', '--', autopsy, core, '-e', '::status', '-e', '::jsstack'], { encoding: 'utf8' });
      const names = run([core, '-e', '::jsstack']).out;
      fs.unlinkSync(core);
      const [seconds, kilobytes, status] = r.stdout.trim().split(' ').map(Number);
      return (size > 12e9 ? undefined : `the core has only ${size} bytes`) || (seconds < 10 ? undefined : `${seconds} s`) ||
        (kilobytes < 64 << 10 ? undefined : `${kilobytes} kB`) || (status === 0 ? undefined : `status ${status}`) || holds(names, /^js: +big$/m);
    });
  };
  rows.A8 = async ({ row, run, core, same, holds }) => {
    await row('A8', 'a script without a terminal', async () => {
      const r = run([core], { input: '::jsstack\n' });
      return same(r.status, 0) || holds(r.out, /^js: +c$/m);
    });
  };

  rows.M1 = async ({ row, mdb, lines, same, holds }) => {
    await row('M1', 'filters in a pipe', async () => {
      const text = await mdb.ask('::findjsobjects -c Zoo | ::findjsobjects -p prop_01 | ::findjsobjects | ::jsprint -d1');
      return holds(text, '"prop_36"', '"prop_01": 1.500000e+00') || same((text.match(/^\{$/gm) || []).length, 2);
    });
    await row('M1', 'what is no address cannot be piped', async () => {
      const { out, err } = await mdb.say('::findjsobjects | ::jsprint');
      return same(out, '') || holds(err, /^mdb: /);
    });
    await row('M1', 'each line is an expression', async () => same(lines(await mdb.ask('::echo 1+1 | ::map ".*2"')), ['0x4']));
  };
  rows.M2 = async ({ row, mdb, holds, same }) => {
    await row('M2', 'the shell gets what a command prints', async () => holds((await mdb.ask("::jsfunctions -n counter ! awk 'NR==2{print $1}'")).trim(), /^[0-9a-f]{8,}$/));
    await row('M2', 'stdout and stderr apart', async () => {
      const { out, err } = await mdb.say('!printf A; !printf B >&2');
      return same(out, 'A') || same(err, 'B');
    });
  };
  rows.M3 = async ({ row, mdb, values, holds, same }) => {
    const value = async (expression) => (await mdb.ask(expression)).trim();
    await row('M3', 'bases, operators, dot', async () => same(await value('0t16=X'), '10') || same(await value('10+10=D'), '32') ||
      same(await value('7%%2=D'), '1') || same(await value('7%2=D'), '3') || same(await value('0i101|0o10=D'), '13') || same(await value('1_000=D'), '4096'));
    await row('M3', 'a bare address repeats the last command', async () => {
      await mdb.ask(`${values.plain}::jsprint -d1`);
      return holds(await mdb.ask(values.base), '"kind": "base"') || same(await value('.=J'), values.base);
    });
  };
  // An instruction without what the two disassemblers only write differently: suffixes of size, prefixes in front or
  // with the operand, decimal or hexadecimal, a scale of 1, names behind the target of a jump.
  const instruction = (text) => {
    const [word, ...rest] = text.replace(/ *[<#].*/, '').replace(/xchg +%ax,%ax/, 'nop').trim().replace(/^((cs|ds|data16) )+/, '').split(/\s+/);
    const operands = rest.join('').replace(/%[cde]s:/g, '').replace(/,1\)/, ')').replace(/(^|[^0-9a-z])([0-9])(?![0-9a-z])/g, '$10x$2')
      .replace(/(^|,)0x0\(/, '$1(');
    return { word, operands };
  };
  const sameInstruction = (a, b) => a.operands === b.operands &&
    ['', 'b', 'w', 'l', 'q'].some((size) => a.word + size === b.word || b.word + size === a.word);
  rows.M4 = async ({ row, mdb, core, options, lines, same, holds }) => {
    const gdb = (...commands) => spawnSync('gdb', ['-nx', '-batch', ...commands.flatMap((c) => ['-ex', c]), options.node, core], { encoding: 'utf8' }).stdout;
    const numbers = (text) => (text.match(/0x[0-9a-f]+/g) || []).map((x) => BigInt(x).toString(16));
    await row('M4', 'formats agree with gdb', async () => {
      const texts = gdb('echo @\\n', 'x/4gx $rsp', 'echo @\\n', 'x/8wx $rsp', 'echo @\\n', 'p/x (long)&main', 'echo @\\n', 'x/s *(char**)environ', 'echo @\\n', 'x/4i $rip').split('@\n');
      const parts = (text) => text.replace(/^[^:\n]*:/gm, '').split(/\s+/).filter(Boolean);
      const bare = (text) => text.split('\n').map((l) => l.replace(/^[^:]*:/, '')).join(' ');
      return same(parts(await mdb.ask('<rsp/4K')), numbers(bare(texts[1]))) || same(parts(await mdb.ask('<rsp/8X')), numbers(bare(texts[2]))) ||
        same(parts(await mdb.ask('<rsp,4/K')), numbers(bare(texts[1]))) || same((await mdb.ask('main=K')).trim(), numbers(texts[3])[0]) ||
        (texts[5] && same((await mdb.ask('<rip,4/i')).trim().split('\n').length, texts[5].trim().split('\n').filter((l) => l.includes('0x')).length));
    });
    for (const [what, count] of [['main', 200], ['<rip', 20]]) {
      await row('M4', `instructions agree with gdb: ${what}`, async () => {
        const theirs = gdb('echo @\\n', `x/${count}i ${what.replace('<', '$')}`).split('@\n')[1].split('\n').filter((l) => l.includes(':\t')).map((l) => instruction(l.slice(l.indexOf(':\t') + 2)));
        const ours = lines(await mdb.ask(`${what},0t${count}/i`)).map((l) => l.replace(/^\S.*?:(\s+|$)/, '')).filter(Boolean).map(instruction);
        const wrong = theirs.findIndex((t, i) => !ours[i] || !sameInstruction(t, ours[i]));
        return same(theirs.length, count) || same(ours.length, count) ||
          (wrong < 0 ? undefined : `${wrong}: ${JSON.stringify(ours[wrong])}, gdb: ${JSON.stringify(theirs[wrong])}`);
      });
    }
    await row('M4', 'a C++ name is the function, not what the compiler split off it', async () =>
      same(await mdb.ask('v8::base::OS::Abort=K'), await mdb.ask('_ZN2v84base2OS5AbortEv=K')) || holds(await mdb.ask('v8::base::OS::Abort=K'), /^ +[0-9a-f]{6,} *$/m));
    await row('M4', 'the first column', async () => holds(await mdb.ask('<rsp/X'), /^0x[0-9a-f]+:\s+[0-9a-f]+ *\n$/) || holds(await mdb.ask('main/i'), /^main:\s+\S/));
    await row('M4', 'a string', async () => {
      const [, at, text] = /(0x[0-9a-f]+):\s+"(.*)"/.exec(gdb('x/s *(char**)environ')) || [];
      return text ? same((await mdb.ask(`${at}/s`)).replace(/^\S+\s+/, '').trim(), text) : 'gdb finds no environment';
    });
  };
  rows.M5 = async ({ row, mdb, core, options, truth, lines, holds, same }) => {
    await row('M5', '::status', async () => holds(await mdb.ask('::status'), 'core file of node (64-bit)', `file: ${options.node}`, /SIGABRT \(Aborted\)/, `pid=${truth.pid}`, path.basename(truth.argv[1])));
    await row('M5', '$r agrees with gdb', async () => {
      const text = spawnSync('gdb', ['-nx', '-batch', '-ex', 'info registers', options.node, core], { encoding: 'utf8' }).stdout;
      const theirs = Object.fromEntries([...text.matchAll(/^(\w+) +(0x[0-9a-f]+)/gm)].map((m) => [m[1], BigInt(m[2]).toString(16)]));
      const ours = Object.fromEntries([...(await mdb.ask('$r')).matchAll(/%(\w+) += 0x([0-9a-f]+)/g)].map((m) => [m[1], BigInt(`0x${m[2]}`).toString(16)]));
      const wrong = ['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15', 'rip', 'rbp', 'rsp'].find((r) => ours[r] !== theirs[r]);
      return wrong && `${wrong} is ${ours[wrong]}, gdb: ${theirs[wrong]}`;
    });
    await row('M5', '$c and $C', async () => {
      const plain = lines(await mdb.ask('$c'));
      const pointers = lines(await mdb.ask('$C'));
      return holds(plain.join('\n'), /abort\+0x/, /node::Abort/) || same(pointers.map((l) => l.slice(17)), plain) ||
        (pointers.every((l) => /^[0-9a-f]{16} /.test(l)) ? undefined : 'no frame pointers');
    });
    await row('M5', '::mappings and addr$m', async () => {
      const all = lines(await mdb.ask('::mappings'));
      const one = lines(await mdb.ask('<rsp$m'));
      return holds(all[0], /^ +BASE +LIMIT +SIZE NAME$/) || same(one.length, 2) || same(all.includes(one[1]), true) || holds(all.join('\n'), options.node, '[ stack ]', '[ anon ]');
    });
    await row('M5', 'the map is that of readelf', async () => {
      const text = spawnSync('readelf', ['-lW', core], { encoding: 'utf8' }).stdout;
      const theirs = [...text.matchAll(/^ +LOAD +0x[0-9a-f]+ 0x([0-9a-f]+) 0x[0-9a-f]+ 0x[0-9a-f]+ 0x([0-9a-f]+)/gm)].map((m) => BigInt(`0x${m[1]}`));
      const ours = new Set(lines(await mdb.ask('::mappings')).slice(1).map((l) => BigInt(`0x${l.trim().split(' ')[0]}`)));
      const missed = theirs.find((a) => !ours.has(a));
      return theirs.length < 20 ? 'readelf says nothing' : missed !== undefined ? `no ${missed.toString(16)}` : undefined;
    });
  };
  rows.M6 = async ({ row, mdb, values, lines, same }) => {
    await row('M6', '::grep, ::map, ::head', async () => same(lines(await mdb.ask(`${values.three}::walk jselement | ::head -2`)).length, 2) ||
      same(lines(await mdb.ask('::echo 8 | ::map ".+8" | ::grep ".>>4==1"')), ['0x10']) ||
      same(lines(await mdb.ask('::echo 8 | ::grep ".>>4==1"')), []));
  };
  rows.M7 = async ({ row, mdb, run, core, dir, same, holds, values }) => {
    fs.writeFileSync(path.join(dir, 'script'), '10=D\n11=D\n');
    fs.writeFileSync(path.join(dir, 'numbers'), '1\n0t10\n');
    const mdbAs = (args, input = '') => run(args, { file: path.join(dir, 'mdb'), input, env: { ...process.env, HOME: path.join(dir, 'home') } });
    await row('M7', 'variables', async () => same((await mdb.ask('0t42>answer\n<answer=D')).trim(), '42') || holds(await mdb.ask('::vars'), 'answer = 2a', 'rip = ') ||
      holds((await mdb.say('<nothing=D')).err, 'does not exist') || same((await mdb.ask(`${values.three}::walk jselement element | ::map "<element" | ::head -1`)).trim(),
                                                                      (await mdb.ask(`${values.three}::walk jselement | ::head -1`)).trim()));
    await row('M7', '::eval', async () => same((await mdb.ask('::eval "10=D"')).trim(), '16'));
    await row('M7', '::cat in a pipe', async () => same(await mdb.ask('::cat numbers | ::map ".+1"'), '0x2\n0xb\n'));
    await row('M7', '$<', async () => same((await mdb.ask('$<script')).split(/\s+/).filter(Boolean), ['16', '17']));
    await row('M7', 'the rc file, and -S', async () => {
      fs.mkdirSync(path.join(dir, 'home'), { recursive: true });
      fs.writeFileSync(path.join(dir, 'home', '.mdbrc'), '::echo rc\n');
      return same(mdbAs([core, '-e', '10=D']).out.split(/\s+/).filter(Boolean), ['rc', '16']) || same(mdbAs(['-S', core, '-e', '10=D']).out.trim(), '16');
    });
    await row('M7', '-e and its status', async () => same(mdbAs(['-S', core, '-e', '10=D']).status, 0) || same(mdbAs(['-S', core, '-e', '<nothing=D']).status, 1) ||
      same(mdbAs(['-S', '-Q', core]).status, 2));
  };
  rows.M8 = async ({ row, core, tool, autopsy, dir }) => {
    await row('M8', 'a terminal: history, pager, ^C (all of it: cli-prompt)', async () => {
      const script = ['prompt', 'line ::echo first', 'wait first', 'prompt', 'key up', 'key enter', 'wait first', 'prompt', 'line ::mappings', 'wait >> More',
                      'key q', 'prompt', 'line <rsp::ugrep', 'sleep 10', 'key ^C', 'within 500 > ', 'prompt', 'line ::findjsobjects -c Leaky | ::findjsobjects ! wc -l',
                      'wait 1000', 'prompt', 'key ^D', 'exit 0'].join('\n');
      const r = spawnSync(tool('pty'), [autopsy, core], { input: `${script}\n`, encoding: 'utf8', env: { ...process.env, HOME: dir, TERM: 'xterm' } });
      return r.status === 0 ? undefined : r.stderr.slice(-800);
    });
  };
  rows.M9 = async ({ row, mdb, lines, holds, same }) => {
    await row('M9', 'every dcmd has help; ::dcmds and ::walkers list them', async () => {
      const names = lines(await mdb.ask('::dcmds')).map((l) => l.split(' ')[0]);
      const needed = ['jsstack', 'jsframe', 'jsprint', 'jsconstructor', 'jsfunction', 'jsclosure', 'jsscope', 'jssource', 'jsarray', 'findjsobjects', 'jsfunctions',
                      'jsfindrefs', 'nodebuffer', 'v8array', 'v8classes', 'v8code', 'v8context', 'v8field', 'v8frametypes', 'v8types', 'v8function', 'v8internal', 'v8load',
                      'v8print', 'v8scopeinfo', 'v8str', 'v8type', 'v8warnings', 'v8whatis', 'status', 'stack', 'stackregs', 'regs', 'fpregs', '$r', '$c', '$C', '$?', '$l', '$L',
                      'mappings', '$m', 'objects', 'nm', 'whatis', 'ugrep', 'findleaks', 'umastat', 'dump', 'dis', 'print', 'array', 'sizeof', 'offsetof', 'list', 'enum',
                      'printf', 'typedef', 'walk', 'walkers', 'map', 'grep', 'head', 'echo', 'cat', 'eval', 'help', 'dcmds', 'formats', 'which', 'dmods', 'version', 'load',
                      'unload', 'log', '$>', 'set', '$P', '$d', '$w', '$s', 'vars', '$v', '>', 'typeset', 'unset', '$G', '$g', 'dem', '$<', '$<<', 'attach', 'release',
                      'cont', 'step', 'bp', 'kill', 'run', 'quit', '$q'];
      const missed = needed.filter((n) => !names.includes(n));
      if (missed.length)
        return `no ${missed}`;
      for (const name of names) {
        const { out, err } = await mdb.say(`::help ${name}`);
        const why = err || holds(out, 'NAME', 'SYNOPSIS', 'DESCRIPTION');
        if (why)
          return `${name}: ${why}`;
      }
      const walkers = await mdb.ask('::walkers');
      return holds(walkers, /^jsframe /m, /^jselement /m, /^jsprop /m);
    });
  };
  rows.M10 = async ({ row, mdb, lines, options, core, holds, same }) => {
    await row('M10', '::ugrep finds a word where it is', async () => {
      const place = (await mdb.ask('<rsp+8=J')).trim();
      return lines(await mdb.ask('*(<rsp+8)::ugrep')).includes(place) ? undefined : `not at ${place}`;
    });
    await row('M10', '::whatis', async () => holds(await mdb.ask('main::whatis'), /main/) || holds(await mdb.ask('<rsp::whatis'), 'stack'));
    await row('M10', '::dump agrees with gdb', async () => {
      const theirs = spawnSync('gdb', ['-nx', '-batch', '-ex', 'echo @\\n', '-ex', 'x/16xb $rsp', options.node, core], { encoding: 'utf8' }).stdout.split('@\n')[1];
      const bytes = [...theirs.replace(/^[^:\n]*:/gm, '').matchAll(/0x([0-9a-f]{2})/g)].map((m) => m[1]).join('');
      const ours = (await mdb.ask('<rsp,10::dump')).split('\n').filter((l) => /^\s*[0-9a-f]+:/.test(l)).map((l) => l.replace(/^[^:]*:/, '').replace(/  +\S*$/, '').replace(/\s/g, '')).join('');
      return ours.includes(bytes) ? undefined : `${bytes} is not in ${ours}`;
    });
    await row('M10', '::nm and ::dis', async () => {
      const nm = /^0x0*([0-9a-f]+)\|.*\|main$/m.exec(await mdb.ask('::nm'));
      return nm ? same((await mdb.ask('main=J')).trim(), nm[1]) || holds(await mdb.ask('main::dis'), /^main:/m) || holds(await mdb.ask('<rip::dis -n 3'), '=>') : '::nm has no main';
    });
  };
  rows.M12 = async ({ row, options, autopsy, dir, Session, holds }) => {
    await row('M12', '-p PID: it answers no more while it is held, and again afterwards (all of it: cli-attach)', async () => {
      const program = path.join(dir, 'server.js');
      fs.writeFileSync(program, "require('http').createServer((q, r) => r.end('alive')).listen(0, '127.0.0.1', function () { console.log(this.address().port); });\n");
      const server = spawn(options.node, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
      try {
        const port = Number(await new Promise((resolve) => server.stdout.once('data', (d) => resolve(String(d)))));
        const answers = (timeout) => new Promise((resolve) => {
          const r = http.get({ host: '127.0.0.1', port, timeout, agent: false }, (m) => m.on('data', (d) => resolve(String(d) === 'alive')));
          r.on('timeout', () => { r.destroy(); resolve(false); }).on('error', () => resolve(false));
        });
        if (!await answers(60000))
          return 'the server does not answer';
        const held = new Session(autopsy, ['-p', String(server.pid)]);
        const status = await held.ask('::status');
        const while_held = await answers(500);
        held.say('::quit').catch(() => {});
        await held.ended;
        return holds(status, 'stopped by debugger', `debugging PID ${server.pid}`) || (while_held ? 'it answered while it was held' : undefined) ||
          (await answers(60000) ? undefined : 'it does not answer afterwards');
      } finally {
        server.kill();
      }
    });
  };
};
