'use strict';
// A program with secrets and hostile names, for the page of `report --html`: it leaks, and dies of an error.
//   program.js [SNAPSHOT]      with a file: writes V8's own snapshot there and ends; COUNT in the environment: so many entries
const hostile = '</td><script>document.title="owned"</script><img src=x onerror=alert(1)>"\'&\u202Egnp\x1b[31m';
const cache = new Map();
class Session {
  constructor(id) {
    this.id = id;
    this.user = { name: `user-${id}`, roles: ['a', 'b', 'c'] };
  }
}
const leaky = { [hostile]: [] };
exports.get = (id) => {
  cache.set(id, new Session(id));
  leaky[hostile].push({ text: `row ${id}`, hostile });
};
const ring = [];
exports.remember = (i) => {
  ring.push({ i, text: `remembered ${i}` });
  if (ring.length > 1e9)
    ring.shift();
};
for (let i = 0; i < Number(process.env.COUNT || 20000); i++) {
  exports.get(i);
  exports.remember(i);
}
exports.leaky = () => leaky;

function pay(order, password, authorization, cookie) {
  const card = '4111 1111 1111 1111';
  const session = { user: 'rex', apiKey: 'hunter2-api', token: 'hunter2-token', nested: { password: 'hunter2-nested' } };
  const url = 'postgres://app:hunter2-url@db/main';
  const text = hostile;
  return session.missing.field + order + password + authorization + cookie + card + url + text;
}
if (process.argv[2])
  setImmediate(() => require('v8').writeHeapSnapshot(process.argv[2]));
else
  setImmediate(() => pay({ id: 1, note: hostile }, 'hunter2-password', 'Bearer hunter2abcdefgh', 'sid=hunter2-cookie'));
