'use strict';
// Carries values between our JavaScript and an inspector session of the same thread. The protocol gives every fetch a
// new id, so identity is lost in it; here ids are turned back into the objects they stand for, and our own walk over
// real references finds each object once. A same-thread session answers within post().

const SLOT = Symbol('autopsy');

class Bridge {
  constructor(session) {
    this.session = session;
    this.slot = { value: undefined };
    this.slotId = null;
  }

  call(method, params) {
    let answer = null;
    this.session.post(method, params, (error, result) => { if (!error) answer = result; });
    return answer;
  }

  // The slot must be reached once by name; the name is gone again before anything else runs.
  open() {
    const name = '__autopsy_slot__';
    try {
      Object.defineProperty(globalThis, name, { value: this.slot, configurable: true, enumerable: false });
    } catch {
      return false; // a frozen global object
    }
    try {
      const answer = this.call('Runtime.evaluate', { expression: name, objectGroup: 'autopsy', silent: true });
      this.slotId = (answer && answer.result && answer.result.objectId) || null;
    } finally {
      delete globalThis[name];
    }
    return this.slotId !== null;
  }

  // The object behind an id of the protocol; SLOT if it cannot be had.
  toValue(objectId) {
    if (this.slotId === null || !objectId) return SLOT;
    this.slot.value = SLOT;
    this.call('Runtime.callFunctionOn', {
      functionDeclaration: 'function (slot) { "use strict"; slot.value = this; }',
      objectId, arguments: [{ objectId: this.slotId }], silent: true, returnByValue: true,
    });
    const value = this.slot.value;
    this.slot.value = undefined;
    return value;
  }

  toId(object) {
    if (this.slotId === null) return null;
    this.slot.value = object;
    const answer = this.call('Runtime.callFunctionOn', {
      functionDeclaration: 'function () { "use strict"; return this.value; }',
      objectId: this.slotId, objectGroup: 'autopsy', silent: true,
    });
    this.slot.value = undefined;
    return (answer && answer.result && answer.result.objectId) || null;
  }

  properties(objectId) {
    return objectId ? this.call('Runtime.getProperties', { objectId, ownProperties: true }) : null;
  }

  close() {
    this.slotId = null;
    this.call('Runtime.releaseObjectGroup', { objectGroup: 'autopsy' });
  }
}

module.exports = { Bridge, MISSING: SLOT };
