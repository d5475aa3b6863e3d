'use strict';
// Rows V1 to V22: what mdb_v8 answered, answered here, on every Node.

const fs = require('fs');
const path = require('path');
const { spawnSync } = require('child_process');

module.exports = (rows) => {
  rows.V1 = async ({ row, mdb, truth, lines, same, holds }) => {
    await row('V1', '::jsstack: names in order, native frames around, elision', async () => {
      const all = lines(await mdb.ask('::jsstack'));
      const js = all.filter((l) => l.startsWith('js: ')).map((l) => l.slice(8).replace(/ \(as .*/, ''));
      const from = js.indexOf('c');
      return same(js.slice(from, from + 3), ['c', 'b', 'a']) ||
        same(truth.stack.slice(0, 3), ['c', 'b', 'a']) ||
        (all.findIndex((l) => l.startsWith('native: ')) < all.indexOf('js:     c') ? undefined : 'no native frame above') ||
        (/^native: /.test(all[all.length - 1]) ? undefined : 'no native frame below') ||
        holds(all.join('\n'), /^ {8}\(\d+ internal frames? elided\)$/m);
    });
  };
  rows.V2 = async ({ row, mdb, lines, same, holds }) => {
    await row('V2', '::jsstack -v, argument strings by address', async () => {
      const text = await mdb.ask('::jsstack -v -f b');
      const argument = /arg2: ([0-9a-f]+) /.exec(text);
      return holds(text, /^js: +b$/m, /^ {10}file: .*program\.js$/m, /^ {10}posn: line \d+$/m, /^ {10}this: [0-9a-f]+ \(/m, /^ {10}arg1: /m,
                   / function b\(arg1, text\)/) ||
        holds(await mdb.ask(`${argument[1]}::v8str`), '"the argument of b"');
    });
    await row('V2', '-n 0 has no source', async () => {
      const text = await mdb.ask('::jsstack -vn0 -f b');
      return holds(text, /arg1: /) || (text.includes('function b(') ? 'source' : undefined);
    });
    await row('V2', '-a shows functions that jsclosure takes', async () => {
      const found = /^[0-9a-f]+ [0-9a-f]+ b \(JSFunction: ([0-9a-f]+)\)$/m.exec(await mdb.ask('::jsstack -a'));
      return found ? (await mdb.say(`${found[1]}::jsclosure`)).err.replace(/^$/, '') || undefined : 'no JSFunction of b';
    });
    await row('V2', '-f b -p arg1 is one address', async () => {
      const text = await mdb.ask('::jsstack -f b -p arg1');
      return same(lines(text).length, 1) || holds(text, /^[0-9a-f]+/) ||
        holds(await mdb.ask('::jsstack -f b -p arg2 | ::v8str'), '"the argument of b"');
    });
  };
  rows.V3 = async ({ row, mdb, json, same, holds }) => {
    await row('V3', 'optimised and inlined functions keep their names', async () => {
      const text = await mdb.ask('::jsstack');
      const names = text.split('\n').filter((l) => l.startsWith('js: ')).map((l) => l.slice(8));
      const at = names.indexOf('hotInner');
      const [{ data }] = json('bt');
      const tiers = data.threads.flatMap((t) => t.frames).filter((f) => /^hot/.test(f.function)).map((f) => f.tier);
      return same(names.slice(at, at + 3), ['hotInner', 'hotMiddle', 'hotOuter']) ||
        (tiers.every((t) => t === 'turbofan' || t === 'maglev') ? undefined : `they were not optimised: ${tiers}`) || holds(text, 'timer');
    });
  };
  rows.V4 = async ({ row, mdb, lines, same }) => {
    await row('V4', '::walk jsframe | ::jsframe is ::jsstack', async () => {
      const js = (text) => lines(text).filter((l) => l.startsWith('js: '));
      const stack = js(await mdb.ask('::jsstack'));
      const walked = js(await mdb.ask('::walk jsframe | ::jsframe'));
      // The innermost JavaScript frame saved no frame pointer of its own; inlined functions share one.
      const wanted = stack.filter((l) => walked.includes(l));
      return same(walked, wanted) || (walked.length >= 5 && walked.includes('js:     b') ? undefined : `only ${walked}`);
    });
  };
  rows.V5 = async ({ row, mdb, holder, same }) => {
    await row('V5', '::jsprint of every kind of value, to the letter', async () => same(await mdb.ask(`${holder}::jsprint -d3 menagerie`), `{
    "a_seqstring": "my_seqstring",
    "a_number": 3,
    "a_float": 4.700000e+00,
    "a_nan": NaN,
    "a_regexp": JSRegExp: "animals",
    "a_date": 1279298800000 (2010 Jul 16 16:46:40),
    "a_true": true,
    "a_false": false,
    "a_null": null,
    "an_undefined": undefined,
    "an_object": {
        "inner": "thing",
    },
    "an_array": [
        "x",
        7,
    ],
    "a_function": function noise,
}
`));
  };
  rows.V6 = async ({ row, mdb, holder, truth, same, holds }) => {
    const text = (v) => typeof v === 'string' ? `"${v}"` : Number.isInteger(v) ? String(v) : v.toExponential(6).replace(/e([+-])(\d)$/, 'e$10$2');
    for (const name of ['zoo', 'dropped'])
      await row('V6', `every property of ${truth[name].length}, ${name}`, async () => same(
        await mdb.ask(`${holder}::jsprint -d2 ${name}`), `{\n${truth[name].map(([k, v]) => `    "${k}": ${text(v)},\n`).join('')}}\n`));
    await row('V6', 'numeric keys', async () => holds(await mdb.ask(`${holder}::jsprint numeric`), '"5": "five"', '"100000": "far"', '"name": "numeric keys"'));
  };
  rows.V7 = async ({ row, mdb, holder, values, lines, same, holds }) => {
    await row('V7', '-ad1: key, address, value; small integers in their tagged form', async () => {
      const text = await mdb.ask(`${holder}::jsprint -ad1`);
      return holds(text, /^ {4}"menagerie": [0-9a-f]+: \[\.\.\.\],$/m, /^ {4}"nobody": 5ca1ab1e00000000: 1554098974,$/m);
    });
    await row('V7', '-b: the address of the object', async () => same((await mdb.ask(`${holder}::jsprint -b nobody`)).trim(), `${holder}: 1554098974`));
    await row('V7', 'members: a.b[1].c', async () => same(lines(await mdb.ask(
      `${holder}::jsprint -d0 menagerie.an_array[1] arrays.slice[2] nosuch`)), ['7 4 undefined']));
    await row('V7', 'dot stays', async () => holds(await mdb.ask(`${values.plain}::jsprint\n::jsprint -d1`), '"plain": true'));
  };
  rows.V8 = async ({ row, mdb, holder, members, values, truth, lines, same }) => {
    const arrays = await members(values.arrays);
    for (const [name, length] of Object.entries(truth.arrays))
      await row('V8', `array ${name}: jsprint = jsarray | jsprint = walk jselement | jsprint`, async () => {
        const whole = await mdb.ask(`${arrays[name]}::jsprint`);
        const parts = lines(await mdb.ask(`${arrays[name]}::jsarray | ::jsprint`));
        const walked = lines(await mdb.ask(`${arrays[name]}::walk jselement | ::jsprint`));
        const printed = whole === '[]\n' ? [] : whole.startsWith('[ ') ? [whole.trim().slice(2, -2)] :
          whole.split('\n').slice(1, -2).map((l) => l.trim().replace(/,$/, ''));
        return same(printed.length, length) || (name === 'doubles' ? undefined : same(parts, printed) || same(walked, printed)) ||
          (name === 'holes' ? same(printed, ['1', 'hole', '3']) : undefined);
      });
    await row('V8', 'jsarray -i', async () => same(lines(await mdb.ask(`${arrays.slice}::jsarray -i`)), ['0 200000000', '1 300000000', '2 400000000']));
  };
  rows.V9 = async ({ row, mdb, holder, holds }) => {
    await row('V9', 'modern values', async () => {
      const text = await mdb.ask(`${holder}::jsprint -d3 modern`);
      return holds(text, '"key" => "value"', '"member"', '"[[state]]": "fulfilled"', '"done"', '"[[state]]": "pending"', 'under a symbol',
                   '1180591620717411303424n', 'accessor', '"#secret": "kept"', '"target": "behind"', 'RangeError: an error with a stack',
                   "'use strict'", '[[target]]') || (text.includes('<unknown') ? `unknown in ${text}` : undefined);
    });
  };
  rows.V10 = async ({ row, mdb, values, holds, same }) => {
    for (const [name, constructor] of [['base', 'Base'], ['plain', 'Object'], ['buffer', 'Uint8Array']])
      await row('V10', `::jsconstructor of ${name}`, async () => holds((await mdb.ask(`${values[name]}::jsconstructor`)).trim(),
                                                                     name === 'buffer' ? /^(Uint8Array|Buffer|FastBuffer)$/ : new RegExp(`^${constructor}$`)));
    await row('V10', '::jsconstructor -v', async () => holds(await mdb.ask(`${values.base}::jsconstructor -v`), /^Base \(JSFunction: [0-9a-f]+\)$/m));
    await row('V10', '::jsfunction', async () => holds(await mdb.ask(`${values.named}::jsfunction`), /^function: named$/m, /^defined at .*program\.js line \d+$/m) ||
      holds(await mdb.ask(`${values.anonymous}::jsfunction`), /^function: <anonymous> \(as/m));
    await row('V10', '::jsfunction of a bound one', async () => {
      const text = await mdb.ask(`${values.bound}::jsfunction`);
      return holds(text, `bound function that wraps: ${values.named}`, `with "this" = ${values.plain} `, /arg0 += [0-9a-f]+ \(/, /arg1 += 200000000 \(SMI: value = 2\)/,
                   `arg2  = ${values.base} `, /arg3 += [0-9a-f]+ \(Oddball: "null"\)/) || same((text.match(/arg\d/g) || []).length, 4);
    });
    await row('V10', 'what is no function says so', async () => holds((await mdb.say(`${values.plain}::jsfunction`)).err, /^mdb: /));
  };
  rows.V11 = async ({ row, mdb, values, holds, same }) => {
    await row('V11', '::jsclosure of a counter', async () => holds(await mdb.ask(`${values.counter}::jsclosure`), /^ {4}"count": [0-9a-f]+: 42$/m, /^ {4}"step": 100000000: 1$/m));
    await row('V11', '::jsscope is the same', async () => same(await mdb.ask(`${values.counter}::jsscope`), await mdb.ask(`${values.counter}::jsclosure`)));
    await row('V11', 'two levels', async () => holds(await mdb.ask(`${values.twoLevels}::jsclosure`), '"middleValue"', 'from the middle', '"outerValue"', 'from outside'));
  };
  rows.V12 = async ({ row, mdb, values, truth, holds, same }) => {
    await row('V12', '::jssource: the lines of the file with their numbers', async () => {
      const text = await mdb.ask(`${values.counter}::jssource -n 2`);
      const found = [...text.matchAll(/^ *(\d+) ?(.*)$/gm)];
      const wrong = found.find(([, n, line]) => truth.lines[n - 1] !== line);
      return (found.length >= 5 ? undefined : `only ${text}`) || (wrong && `line ${wrong[1]} is ${show(wrong[2])}`) || holds(text, `file: ${truth.file}`, /return function counter/);
      function show(v) { return JSON.stringify(v); }
    });
    await row('V12', "Node's own functions", async () => {
      const found = /^ +([0-9a-f]+) +\d+ listOnTimeout +node:internal\/timers/m.exec(await mdb.ask('::jsfunctions -n listOnTimeout'));
      return found ? holds(await mdb.ask(`${found[1]}::jssource`), /file: node:internal\/timers/, /function listOnTimeout/) : 'no listOnTimeout';
    });
    await row('V12', 'what is no function says so', async () => holds((await mdb.say(`${values.plain}::jssource`)).err, /JSFunction|function/) || same((await mdb.say(`${values.plain}::jssource`)).out, ''));
  };
  rows.V13 = async ({ row, mdb, lines, members, values, holds, same }) => {
    await row('V13', '::jsfunctions: three closures of one definition', async () => holds(await mdb.ask('::jsfunctions -n threeOfAKind'),
                                                                                           /^ +[0-9a-f]+ +3 threeOfAKind +\/.*program\.js line \d+$/m));
    await row('V13', '-s', async () => holds(await mdb.ask('::jsfunctions -s program.js'), 'counter', 'innermost'));
    await row('V13', '-l', async () => lines(await mdb.ask('::jsfunctions -l')).every((l) => /^[0-9a-f]+$/.test(l)) ? undefined : 'not only addresses');
    await row('V13', 'ADDR::jsfunctions lists the closures', async () => {
      const three = Object.values(await members(values.three));
      const [, first] = /^ +([0-9a-f]+) +3 threeOfAKind/m.exec(await mdb.ask('::jsfunctions -n threeOfAKind'));
      return same(lines(await mdb.ask(`${first}::jsfunctions`)).sort(), (await mdb.ask(`${values.three}::jsarray`)).trim().split('\n').sort()) || (three && undefined);
    });
    await row('V13', '-X: where the instructions are', async () => holds(await mdb.ask('::jsfunctions -X -n hotOuter'), /START +END/, /^ +[0-9a-f]+ +1 +[0-9a-f]+ +[0-9a-f]+ +hotOuter/m));
    await row('V13', '-x: the function of an instruction', async () => {
      const pc = /^[0-9a-f]+ ([0-9a-f]+) hotOuter /m.exec(await mdb.ask('::jsstack -a'));
      return pc ? holds(await mdb.ask(`::jsfunctions -x ${pc[1]}`), 'hotOuter') : 'no address of hotOuter';
    });
  };
  rows.V14 = async ({ row, mdb, truth, lines, same, holds }) => {
    await row('V14', '::findjsobjects: 1000 Leaky among the last rows', async () => {
      const all = lines(await mdb.ask('::findjsobjects'));
      return holds(all[0], /^ +OBJECT #OBJECTS +#PROPS CONSTRUCTOR: PROPS$/) ||
        holds(all.slice(-8).join('\n'), /^ *[0-9a-f]+ +1000 +3 Leaky: count, myproperty, foo$/m);
    });
    await row('V14', '-c, -p, -l, and filters in a pipe', async () => {
      const one = (await mdb.ask('::findjsobjects -c Leaky')).trim();
      const list = lines(await mdb.ask(`${one}::findjsobjects`));
      return holds(one, /^[0-9a-f]+$/) || same(list.length, 1000) || same(new Set(list).size, 1000) || same(list.includes(one), true) ||
        same(lines(await mdb.ask('::findjsobjects -p myproperty')).includes(one), true) ||
        same(lines(await mdb.ask(`${one}::findjsobjects -l`)).length, 1000) ||
        same((await mdb.ask('::findjsobjects -c Leaky | ::findjsobjects -p nothing')), '') ||
        holds(await mdb.ask('::findjsobjects -c Leaky | ::findjsobjects -p myproperty | ::findjsobjects | ::head -1 | ::jsprint'), '"myproperty": "Hello World"');
    });
    await row('V14', "the count is V8's own", async () => {
      const snapshot = JSON.parse(fs.readFileSync(truth.snapshot, 'utf8'));
      const { node_fields: fields, node_types: [types] } = snapshot.snapshot.meta;
      let n = 0;
      for (let i = 0; i < snapshot.nodes.length; i += fields.length)
        n += types[snapshot.nodes[i + fields.indexOf('type')]] === 'object' && snapshot.strings[snapshot.nodes[i + fields.indexOf('name')]] === 'Leaky';
      return same(n, 1000) || same(lines(await mdb.ask('::findjsobjects -c Leaky | ::findjsobjects')).length, n);
    });
  };
  rows.V16 = async ({ row, mdb, members, values, holds }) => {
    await row('V16', '-m and -r: who refers to a marked object', async () => {
      const targets = await members(values.targets);
      const referrers = await members(values.referrers);
      return holds(await mdb.ask(`${targets.object}::findjsobjects -m`), `findjsobjects: marked ${targets.object}`) ||
        holds(await mdb.ask('::findjsobjects -r'), `${targets.object} referred to by ${referrers.object}.foo`) ||
        holds(await mdb.ask(`${targets.array}::findjsobjects -r`), `${targets.array} referred to by ${referrers.array}[3]`);
    });
    await row('V16', 'nobody refers to it', async () => holds(Object.values(await mdb.say('deadbee1::findjsobjects -r')).join(''), /is not referred to by a known object|is not a valid object/));
    await row('V16', 'a thousand references', async () => {
      const text = await mdb.ask(`${values.target}::findjsobjects -r`);
      const n = (text.match(/referred to by [0-9a-f]+\.foo/g) || []).length;
      return n >= 1000 ? undefined : `${n} of 1000`;
    });
  };
  rows.V17 = async ({ row, mdb, members, values, lines, holds, same }) => {
    const targets = await members(values.targets);
    const referrers = await members(values.referrers);
    for (const name of ['object', 'array', 'closure', 'bound', 'map', 'set'])
      await row('V17', `::jsfindrefs through ${name}`, async () => holds(await mdb.ask(`${targets[name]}::jsfindrefs`), new RegExp(`^${referrers[name]}$`, 'm')));
    await row('V17', 'a cycle', async () => holds(await mdb.ask(`${targets.cycle}::jsfindrefs`), new RegExp(`^${targets.cycle}$`, 'm')));
    const strings = await members(values.strings);
    for (const [of, by] of [['half', 'cons'], ['long', 'sliced']])
      await row('V17', `::jsfindrefs through a ${by} string`, async () => holds(await mdb.ask(`${strings[of]}::jsfindrefs`), new RegExp(`^${strings[by]}$`, 'm')));
    await row('V17', '::jsfindrefs through a regexp', async () => holds(await mdb.ask(`${strings.pattern}::jsfindrefs`), new RegExp(`^${values.regexp}$`, 'm')));
    await row('V17', 'a bogus address', async () => same((await mdb.say('deadbee1::jsfindrefs')).out, ''));
    await row('V17', '-v', async () => holds(await mdb.ask(`${targets.object}::jsfindrefs -v`), `${referrers.object} (type: JSObject: Referrer)`));
    await row('V17', 'every line is an address', async () => lines(await mdb.ask(`${values.target}::jsfindrefs`)).every((l) => /^[0-9a-f]+$/.test(l)) ? undefined : 'no');
  };
  rows.V18 = async ({ row, mdb, values, holds, same }) => {
    await row('V18', '::nodebuffer and its bytes', async () => holds(await mdb.ask(`${values.buffer}::nodebuffer | ::eval "./cccccccccccc"`), /xxHelloWorld/));
    await row('V18', 'a slice', async () => holds(await mdb.ask(`${values.slice}::nodebuffer | ::eval "./ccccc"`), /:\s+Hello$/m));
    await row('V18', 'what is no buffer', async () => holds((await mdb.say(`${values.plain}::nodebuffer`)).err, 'does not appear to be a buffer') || same((await mdb.say(`${values.plain}::nodebuffer`)).out, ''));
  };
  rows.V19 = async ({ row, mdb, members, values, holds, same, lines }) => {
    const strings = await members(values.strings);
    await row('V19', 'v8function, v8context, v8scopeinfo name the variables', async () => {
      const text = await mdb.ask(`${values.counter}::v8function`);
      const [, context] = /^context: ([0-9a-f]+)/m.exec(text) || [];
      const [, scope] = /^shared scope_info: ([0-9a-f]+)/m.exec(text) || [];
      const slots = await mdb.ask(`${context}::v8context`);
      const [, closure] = /^closure function: ([0-9a-f]+)/m.exec(slots) || [];
      const outer = closure && /^shared scope_info: ([0-9a-f]+)/m.exec(await mdb.ask(`${closure}::v8function`));
      const names = outer ? await mdb.ask(`${outer[1]}::v8scopeinfo`) : await mdb.ask(`${scope}::v8scopeinfo`);
      return holds(text, `${values.counter}: JSFunction: counter`, /^defined at .*program\.js/m) ||
        holds(slots, /^previous context: [0-9a-f]+/m, /slot \d+: [0-9a-f]+ \(SMI: value = 42\)/) ||
        (outer ? holds(names, /\d+ context local variables?/, '"count"') : undefined);
    });
    await row('V19', 'v8print: name in column 2, value in column 4', async () => {
      const columns = lines(await mdb.ask(`${values.base}::v8print`)).map((l) => l.trim().split(/\s+/));
      return holds(columns[0].join(' '), new RegExp(`^${values.base} JSObject {`)) ||
        (columns.some((c) => c[1] === 'map' && c[2] === '=' && /^[0-9a-f]+$/.test(c[3])) ? undefined : show(columns));
      function show(v) { return JSON.stringify(v); }
    });
    await row('V19', 'v8str escapes', async () => holds(await mdb.ask(`${strings.escapes}::v8str`), /^"tab.here "quoted" \\\\ back\\nline/) ||
      same(await mdb.ask(`${strings.half}::v8str -r`), 'the first half of a string that is long enough, \n'));
    await row('V19', 'v8type', async () => same((await mdb.ask(`${values.base}::v8type`)).trim(), `0x${values.base}: JSObject: Base`) ||
      same((await mdb.ask('100000000::v8type')).trim(), '0x100000000: SMI: value = 1'));
    await row('V19', 'v8whatis from the middle', async () => same((await mdb.ask(`${values.base}+0t12::v8whatis`)).trim(), values.base) ||
      holds(await mdb.ask(`${values.base}+0t12::v8whatis -v`), 'found Map at'));
    await row('V19', 'v8internal 0 of a handle', async () => {
      const handle = (await members(values.handle))._handle;
      return handle ? holds(await mdb.ask(`${handle}::v8internal 0`), /^[0-9a-f]+$/m) : 'no _handle';
    });
    await row('V19', 'v8array, v8code, v8classes, v8types, v8frametypes, v8field', async () =>
      holds(await mdb.ask('::v8classes'), /^JSObject$/m) || holds(await mdb.ask('::v8types'), /JSObject.* = 0x/) ||
      holds(await mdb.ask('::v8frametypes'), / = 0x/) || holds(await mdb.ask('::v8field JSObject elements'), /JSObject::elements at offset 0x/));
  };
  rows.V20 = async ({ row, dir, options, core, run, holds }) => {
    await row('V20', 'another V8 version: named, and never wrong names', async () => {
      // The same core with a version that nobody has seen: as long as the real one.
      const bytes = fs.readFileSync(core);
      const real = Buffer.from(spawnSync(options.node, ['-p', 'process.versions.v8'], { encoding: 'utf8' }).stdout.trim());
      const strange = Buffer.from(real.toString().replace(/^\d+/, (m) => '9'.repeat(m.length)));
      for (let at = bytes.indexOf(real); at >= 0; at = bytes.indexOf(real, at + 1))
        strange.copy(bytes, at);
      const file = path.join(dir, 'strange.core');
      fs.writeFileSync(file, bytes);
      const r = run([file, '-e', '::jsstack']);
      fs.unlinkSync(file);
      const js = r.out.split('\n').filter((l) => l.startsWith('js: ')).map((l) => l.slice(8));
      const right = js.indexOf('c') >= 0 && js[js.indexOf('c') + 1] === 'b' && js[js.indexOf('c') + 2] === 'a';
      return right || (js.length === 0 && r.status !== 0) ? undefined : `${js} ${r.err}`;
    });
    await row('V20', 'a program that is stripped of its symbols', async () => {
      const stripped = path.join(dir, 'stripped-node');
      if (spawnSync('strip', ['-o', stripped, options.node]).status !== 0)
        return 'strip failed';
      const r = run([stripped, core, '-e', '::jsstack']);
      fs.unlinkSync(stripped);
      const js = r.out.split('\n').filter((l) => l.startsWith('js: ')).map((l) => l.slice(8));
      return js.length ? holds(js.join(' '), /\bc b a\b/) : r.status !== 0 ? holds(r.err, /[Vv]8/) : `silent: ${r.err}`;
    });
  };
  rows.V22 = async ({ row, dir, core, run, holds }) => {
    await row('V22', 'a core that is cut off', async () => {
      const size = fs.statSync(core).size;
      for (const part of [0.1, 0.5, 0.9]) {
        const file = path.join(dir, 'cut.core');
        fs.copyFileSync(core, file);
        fs.truncateSync(file, Math.floor(size * part));
        const r = run([file, '-e', '::status', '-e', '::jsstack', '-e', '::findjsobjects']);
        fs.unlinkSync(file);
        if (typeof r.status !== 'number' || r.status === 0 || r.status > 2)
          return `at ${part}: status ${r.status}`;
        const why = holds(r.err, 'cut off');
        if (why)
          return why;
      }
      return undefined;
    });
    await row('V22', 'words of the heap overwritten', async () => {
      const bytes = fs.readFileSync(core);
      // Every 4099th word of the second half: some of them are maps.
      for (let at = (bytes.length >> 4) << 3; at + 8 < bytes.length; at += 8 * 4099)
        bytes.writeBigUInt64LE(0xdeadbeefdeadbee1n, at);
      const file = path.join(dir, 'damaged.core');
      fs.writeFileSync(file, bytes);
      const r = run([file, '-e', '::jsstack', '-e', '::findjsobjects', '-e', '::findjsobjects -c Leaky | ::findjsobjects | ::jsprint']);
      fs.unlinkSync(file);
      return typeof r.status === 'number' && r.status <= 2 ? undefined : `status ${r.status}`;
    });
  };
};
