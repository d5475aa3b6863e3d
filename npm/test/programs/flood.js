// Predicted uncaught, yet each is handled a moment later.
let handled = 0;
process.on('rejectionHandled', () => {});
process.on('unhandledRejection', () => {});
const waiting = [];
for (let i = 0; i < 2000; i++) waiting.push(Promise.reject(new Error(`number ${i}`)));
setTimeout(() => {
  for (const promise of waiting) promise.catch(() => { handled++; });
  setTimeout(() => { console.log(handled); }, 10);
}, 10);
