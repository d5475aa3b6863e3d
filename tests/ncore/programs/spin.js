function outer(kept) {
  spin(kept + 1); // outer
}

function spin(n) {
  for (;;) n = Math.sqrt(n * n + 1); // spin
}

console.log('ready');
outer(1);
