async function reject(word) { throw `rejected ${word}`; }
reject('text');
