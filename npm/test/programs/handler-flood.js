let handled = 0;
process.on('uncaughtException', () => { handled++; });
for (let i = 0; i < 200; i++) setTimeout(() => { throw new Error(`number ${i}`); }, 1 + i / 10);
setTimeout(() => { console.log(handled); }, 200);
