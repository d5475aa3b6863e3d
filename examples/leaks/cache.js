'use strict';
// A session store that only ever grows. Each login makes a session; nothing takes one out.
//   node cache.js [N]     runs until memory is out, or aborts after N

const sessions = new Map();

class Session {
  constructor(id, user) {
    this.id = id;
    this.user = user;
    this.visited = [`/login?user=${user.name}`];
  }
}

function login(n) {
  const user = { name: `user-${n}`, roles: ['reader', 'writer'], seen: n + 0.5 };
  const session = new Session(`s${n}`, user);
  sessions.set(session.id, session);
  return session;
}

let n = 0;
setInterval(function traffic() {
  for (let i = 0; i < 5000; i++)
    login(n++);
  if (n === Number(process.argv[2]))
    process.abort();
}, 1);
