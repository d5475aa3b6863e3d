'use strict';
// Milliseconds that only go up. Not perf_hooks: loading it costs more than all the rest of a start.

const hrtime = process.hrtime.bind(process);

function now() {
  const [seconds, nanoseconds] = hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

module.exports = { now };
