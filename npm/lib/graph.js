'use strict';
// The RemoteObjects of a crash file: a walk over the program's objects, breadth first so that what is near a frame is
// kept when a limit is reached. Each object is written once, whoever refers to it; an object that is not written is
// referred to without an id, so no reference dangles.

const clock = require('./clock');
const safe = require('./safe');
const describe = require('./describe');
const { properties } = require('./properties');
const { internals } = require('./internals');
const { isModule } = require('./builtins');
const { MASK } = require('./mask');

const LIMITS = {
  depth: 4,             // steps from a scope, a property of the error or a value of the state
  objects: 4000,
  properties: 100,      // of one object
  string: 8 * 1024,
  internals: 300,       // objects the inspector is asked about
};

class Graph {
  // context: { mask, deadline (ms of clock.now), maxBytes, bridge or null, builtins: Map, globals: Set,
  //            scripts: scriptId -> params of scriptParsed }
  constructor(context) {
    Object.assign(this, context);
    this.limits = Object.assign({}, LIMITS, context.limits);
    this.objects = Object.create(null);   // what becomes RemoteObjects
    this.ids = new Map();
    this.queue = [];
    this.head = 0;
    this.nextId = 1;
    this.bytes = 0;
    this.asked = 0;
    this.left = { depth: 0, objects: 0, bytes: 0, time: 0 };
  }

  full() {
    if (this.ids.size >= this.limits.objects) return 'objects';
    if (this.bytes >= this.maxBytes) return 'bytes';
    return clock.now() > this.deadline ? 'time' : null;
  }

  // The RemoteObject of a value found `depth` steps away under `name`.
  remote(value, depth, name) {
    const hidden = name !== undefined && this.mask.secretName(name);
    const remote = safe.isObject(value) ? this.reference(value, depth, hidden) : this.primitive(value, hidden);
    this.bytes += 60 + (remote.description ? remote.description.length : 0)
      + (typeof remote.value === 'string' ? remote.value.length : 0);
    return remote;
  }

  primitive(value, hidden) {
    // A flag, nothing or an empty text tells no secret, and a reader wants to know.
    if (!hidden || typeof value === 'boolean' || value === undefined || value === null || value === '') {
      return describe.primitive(value, this.mask, this.limits.string);
    }
    return { type: 'string', value: MASK, masked: true };
  }

  reference(object, depth, hidden) {
    const known = this.ids.get(object);
    if (known !== undefined && !hidden) return known;
    const remote = describe.object(object, this.mask);
    if (hidden && typeof object !== 'function' && remote.subtype !== undefined) {
      return { type: 'object', subtype: remote.subtype, className: remote.className, description: MASK, masked: true };
    }
    const reason = this.whyNot(object, depth);
    if (reason !== null) {
      if (reason in this.left) this.left[reason]++;
      remote.truncated = reason;
      return remote;
    }
    return this.adopt(object, remote, depth);
  }

  whyNot(object, depth) {
    const module = this.builtins.get(object);
    if (module !== undefined || safe.isNative(object)) return 'builtin';
    // A function's own properties are rarely news: only those held by a variable are opened.
    const shallow = typeof object === 'function' || isModule(object);
    if (depth > (shallow ? 1 : this.limits.depth)) return 'depth';
    return this.full();
  }

  adopt(object, remote, depth) {
    remote.objectId = String(this.nextId++);
    this.ids.set(object, remote);
    this.queue.push({ object, remote, depth });
    return remote;
  }

  // An object of the protocol's own making (an entry of a Map, a list of scopes).
  synthetic(remote, result) {
    remote.objectId = String(this.nextId++);
    this.objects[remote.objectId] = { result };
    return remote;
  }

  run() {
    while (this.head < this.queue.length) {
      const { object, remote, depth } = this.queue[this.head];
      this.queue[this.head++] = undefined;
      // Every id that was given away gets its entry, an empty one if nothing can be read any more.
      let entry;
      try {
        entry = this.full() === 'time' ? this.unread('time') : this.expand(object, remote, depth);
      } catch {
        entry = this.unread('unreadable');
      }
      this.objects[remote.objectId] = entry;
    }
    this.queue = [];
    this.head = 0;
  }

  unread(reason) {
    if (reason in this.left) this.left[reason]++;
    return { result: [], truncated: { reason } };
  }

  expand(object, remote, depth) {
    const entry = properties(this, object, depth);
    if (this.bridge !== null && this.asked < this.limits.internals && this.bytes < this.maxBytes) {
      internals(this, object, remote, depth, entry);
    }
    return entry;
  }
}

module.exports = { Graph };
