const fs = require('fs');

async function inner(word) {
  const local = { word };
  await null;
  const error = new Error('in a promise');
  fs.writeFileSync('truth.json', JSON.stringify({ stack: error.stack, local }));
  throw error;
}

async function outer() {
  await inner('hello');
}

outer();
