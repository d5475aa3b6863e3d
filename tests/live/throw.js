// An error nobody catches, thrown by the engine below class methods, from the main script.
// @flags --abort-on-uncaught-exception
'use strict';
const { record, recordAt, note } = require('./lib');

class Store {
  static open(name) { return new Store(name); }
  constructor(name) { this.name = name; this.#check(); }
  #check() { this.load({ id: undefined }); }
  load(row) {
    const read = (r) => { recordAt('name'); return r.id.name; };
    return [row].map((r) => read(r));
  }
}

function handler(request) {
  return Store.open(request);
}

note({ verdict: { kind: 'uncaught-error', text: "Cannot read properties of undefined (reading 'name')" } });
handler('sessions');
