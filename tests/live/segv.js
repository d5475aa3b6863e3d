// A fault in native code called from JavaScript.
// @flags
'use strict';
const { record, note, faultLibrary } = require('./lib');

function load(...how) {
  for (const step of [record, process.dlopen]) step(...how);
}

note({ verdict: { kind: 'signal', signal: 'SIGSEGV', address: '0x10', module: faultLibrary }, native: 'autopsy_test_fault' });
load({ exports: {} }, faultLibrary);
