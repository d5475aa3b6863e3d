const fs = require('fs');

const root = new TypeError('root');
root.code = 'E_ROOT';
const middle = new Error('middle');
Object.defineProperty(middle, 'cause', { value: root, configurable: true, writable: true });
const left = new Error('left');
const top = new AggregateError([middle, left, 'text'], 'top');
Object.defineProperty(root, 'cause', { value: top, configurable: true, writable: true });
fs.writeFileSync('truth.json', JSON.stringify({ top: top.stack, middle: middle.stack, root: root.stack }));
throw top;
