// Every line of this file ends in CR LF; git is told to leave it so.
// @flags
'use strict';
const { record } = require('./lib');

if (!require('fs').readFileSync(__filename, 'utf8').includes('\r\n'))
  throw new Error('the line ends of this file were changed');

function  first ( ) {
  /* two
     lines */ return second();
}

const second = () =>
  `template
  ${third()}`;

function third() {
  for (const step of [record, process.abort]) step();
}

first();
