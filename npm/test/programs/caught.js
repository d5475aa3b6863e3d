function swallowed() {
  try { throw new Error('swallowed'); } finally { return 3; } // eslint-disable-line no-unsafe-finally
}

async function rejects() { throw new Error('handled later'); }

let caught = 0;
for (let i = 0; i < 300; i++) {
  try { throw new Error('caught'); } catch { caught++; }
  rejects().catch(() => { caught++; });
}
caught += swallowed();
new Promise((resolve, reject) => { reject(new Error('handled')); }).then(null, () => {});
setTimeout(() => { console.log(caught); }, 30);
