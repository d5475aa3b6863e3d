// The main thread waits in native code for a child. argument: for how many seconds
const { spawnSync } = require('child_process');

console.log('ready');
setTimeout(() => {
  spawnSync('sleep', [process.argv[2]]);
  console.log('back');
  setInterval(() => {}, 1000);
}, 50);
