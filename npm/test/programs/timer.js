const fs = require('fs');

function later(what) {
  const local = { what, when: 'later' };
  const error = new Error('in a timer');
  fs.writeFileSync('truth.json', JSON.stringify({ stack: error.stack, local }));
  throw error;
}

setTimeout(function tick() { later('tick'); }, 5);
