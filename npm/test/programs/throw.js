const fs = require('fs');

const shared = { kind: 'shared', list: [1, 2, { deep: 'down' }] };
let counter = 41;

class Account {
  #balance = 1200;
  constructor(owner) { this.owner = owner; this.shared = shared; }
  pay(amount) {
    const before = this.#balance;
    const notes = new Map([['first', { n: 1 }], ['second', shared]]);
    const error = new RangeError('not enough', Error.prototype.cause === undefined ? { cause: new TypeError('why') } : undefined);
    error.code = 'E_FUNDS';
    error.detail = { amount, shared };
    const stack = error.stack;
    counter++;
    fs.writeFileSync('truth.json', JSON.stringify({
      stack, counter, before, owner: this.owner, amount, shared, message: error.message, code: error.code,
    }));
    throw error;
  }
}

function settle(account, amount) {
  const twice = amount * 2;
  const label = `pay ${twice}`;
  return account.pay(twice) + label.length;
}

const before = process.cpuUsage();
process.on('exit', () => { const used = process.cpuUsage(before); fs.writeFileSync('cpu', String((used.user + used.system) / 1000)); });
settle(new Account('Ada'), 700);
