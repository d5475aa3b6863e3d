'use strict';

class Session {
  constructor(id, user) {
    this.id = id;
    this.user = user;
    this.cart = { items: [], currency: 'EUR' };
    this.touched = Date.now();
  }
}

// Sessions live in memory and end when nobody used them for a while.
class SessionStore {
  #sessions = new Map();
  #maxAge;

  constructor(maxAge) {
    this.#maxAge = maxAge;
  }

  open(user) {
    const id = `s${this.#sessions.size + 1}`;
    const session = new Session(id, user);
    this.#sessions.set(id, session);
    return session;
  }

  // The session, or undefined if there is none any more.
  find(id) {
    const session = this.#sessions.get(id);
    if (session && Date.now() - session.touched > this.#maxAge) {
      this.#sessions.delete(id);
      return undefined;
    }
    if (session)
      session.touched = Date.now();
    return session;
  }
}

module.exports = { Session, SessionStore };
