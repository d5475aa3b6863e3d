'use strict';
// A small shop: log in, put things in a cart, check out. It has the bug everybody has written once.

const http = require('http');
const { SessionStore } = require('./sessions');

const prices = new Map([['tea', 3.5], ['cup', 12], ['pot', 39.9]]);

function readBody(request, done) {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => done(JSON.parse(Buffer.concat(chunks).toString() || '{}')));
}

function total(cart, discount) {
  return cart.items.reduce((sum, item) => sum + prices.get(item.name) * item.count, 0) * (1 - discount);
}

class Shop {
  constructor({ maxAge }) {
    this.sessions = new SessionStore(maxAge);
    this.orders = [];
    this.routes = {
      '/login': (body) => this.login(body),
      '/add': (body) => this.add(body),
      '/checkout': (body) => this.checkout(body),
    };
  }

  login({ user }) {
    return { session: this.sessions.open(user).id };
  }

  add({ session, name, count }) {
    const found = this.sessions.find(session);
    if (!found)
      return { error: 'please log in' };
    found.cart.items.push({ name, count });
    return { items: found.cart.items.length };
  }

  checkout({ session, coupon }) {
    const found = this.sessions.find(session); // undefined, if the session ended meanwhile
    const discount = coupon === 'TEA10' ? 0.1 : 0;
    const order = { number: this.orders.length + 1, total: total(found.cart, discount) };
    this.orders.push(order);
    return order;
  }

  handle(request, response) {
    readBody(request, (body) => {
      const route = this.routes[request.url];
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(route ? route(body) : { error: 'no such page' }));
    });
  }

  listen(done) {
    this.server = http.createServer((request, response) => this.handle(request, response));
    this.server.listen(0, '127.0.0.1', () => done(this.server.address().port));
  }
}

module.exports = { Shop };

if (require.main === module)
  new Shop({ maxAge: 30 * 60 * 1000 }).listen((port) => console.log(`http://127.0.0.1:${port}`));
