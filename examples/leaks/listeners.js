'use strict';
// Every request listens for a change of the configuration, and none stops to.
//   node listeners.js [N]     runs until memory is out, or aborts after N
const { EventEmitter } = require('events');

const config = new EventEmitter();
config.setMaxListeners(0); // "that warning was annoying"

function handle(n) {
  const request = { id: n, url: `/item/${n}`, headers: { host: 'shop.example', length: n + 0.5 } };
  config.on('change', function onChange() {
    request.stale = true;
  });
  return request.url;
}

let n = 0;
setInterval(function traffic() {
  for (let i = 0; i < 5000; i++)
    handle(n++);
  if (n === Number(process.argv[2]))
    process.abort();
}, 1);
