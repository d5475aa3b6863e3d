// Handles SIGUSR1 itself, as log rotation does.
process.on('SIGUSR1', () => console.log('own handler'));
setInterval(() => {}, 1000);
console.log('ready');
