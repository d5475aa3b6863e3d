const fs = require('fs');

const keep = [];
for (;;) {
  for (let i = 0; i < 20000; i++) keep.push({ i, text: `object ${i}` });
  fs.writeSync(1, `${Math.round(process.memoryUsage().heapUsed / 1e6)}\n`);
}
