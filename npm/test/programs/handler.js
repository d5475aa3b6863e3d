const what = process.argv[2];

function handle(error) {
  console.log(`handled ${error.message}`);
  if (what === 'exit') process.exit(3);
  if (what === 'code') process.exitCode = 4;
  if (what === 'later') setTimeout(() => { process.exit(5); }, 30);
  if (what === 'throw') throw new Error('the handler threw');
}

if (what !== 'preloaded') process.on('uncaughtException', handle);
process.on('exit', (code) => { console.log(`exit ${code}`); });
setTimeout(() => { throw new Error('first'); }, 1);
if (what === 'swallow' || what === 'preloaded') setTimeout(() => { console.log('went on'); }, 40);
else setTimeout(() => {}, 300);
