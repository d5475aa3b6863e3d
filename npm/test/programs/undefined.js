const fs = require('fs');

function nothing() {
  const local = 'here';
  fs.writeFileSync('truth.json', JSON.stringify({ local }));
  throw undefined;
}

setTimeout(nothing, 1);
