// process.abort() called by the program.
// @flags
'use strict';
const { record, note } = require('./lib');

function last(step) {
  step();
}

function middle() {
  for (const step of [record, process.abort]) last(step);
}

note({ verdict: { kind: 'abort' } });
setTimeout(function onTimer() {
  middle();
}, 1);
