const fs = require('fs');

const error = new Error('rejected');
fs.writeFileSync('truth.json', JSON.stringify({ stack: error.stack }));
Promise.reject(error);
setTimeout(() => { console.log('went on'); }, 20);
