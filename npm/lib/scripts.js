'use strict';
// The sources of the frames' scripts: what V8 compiled if the inspector has it, else the file on disk.

const fs = require('fs');
const { fileURLToPath, pathToFileURL } = require('url');

const ONE = 1024 * 1024;        // characters of a source
const ALL = 4 * ONE;

class Scripts {
  // known: Map scriptId -> params of scriptParsed, or empty
  constructor(known, bridge, mask) {
    this.known = known;
    this.bridge = bridge;
    this.mask = mask;
    this.shown = Object.create(null);   // what becomes Scripts
    this.byUrl = new Map();
    this.size = 0;
    for (const [id, params] of known) if (params.url) this.byUrl.set(params.url, id);
  }

  // The id of the script a stack names, made up for one that the inspector does not know.
  idOf(place) {
    const url = place.startsWith('/') ? pathToFileURL(place).href : place;
    const id = this.byUrl.get(url) || this.byUrl.get(place);
    if (id !== undefined) return id;
    const made = `text-${this.byUrl.size + 1}`;
    this.byUrl.set(url, made);
    this.known.set(made, { scriptId: made, url });
    return made;
  }

  // The program's own and not Node's, as far as is known.
  isProgram(id) {
    return this.known.has(id) && !this.urlOf(id).startsWith('node:');
  }

  urlOf(id) {
    const params = this.known.get(id);
    return params ? params.url : '';
  }

  add(id) {
    if (this.shown[id] !== undefined) return;
    if (!this.known.has(id)) {
      // a few of Node's own first scripts in a worker thread
      this.shown[id] = { params: { scriptId: id, url: '' }, source: '', omitted: 'unknown' };
      return;
    }
    const params = this.known.get(id);
    this.shown[id] = { params, source: '' };
    // Node's own sources are in the Node that ran, the same for everybody.
    if (params.url.startsWith('node:')) { this.shown[id].omitted = 'builtin'; return; }
    const { text, from } = this.text(id, params);
    if (text === null) { this.shown[id].omitted = 'unreadable'; return; }
    if (text.length > ONE || this.size + text.length > ALL) { this.shown[id].omitted = 'size'; return; }
    this.size += text.length;
    this.shown[id].source = this.mask.source(text);
    if (from !== 'v8') this.shown[id].from = from;
    complete(params, text);
  }

  text(id, params) {
    if (this.bridge !== null && !id.startsWith('text-')) {
      const answer = this.bridge.call('Debugger.getScriptSource', { scriptId: id });
      if (answer && typeof answer.scriptSource === 'string') return { text: answer.scriptSource, from: 'v8' };
    }
    try {
      const path = fileURLToPath(params.url);
      if (!fs.statSync(path).isFile() || fs.statSync(path).size > ONE) return { text: null };
      return { text: fs.readFileSync(path, 'utf8'), from: 'disk' };
    } catch {
      return { text: null };
    }
  }
}

// What a reader of the old format takes for granted.
function complete(params, text) {
  if (params.length !== undefined) return;
  const lines = text.split('\n');
  Object.assign(params, {
    startLine: 0, startColumn: 0, endLine: lines.length - 1, endColumn: lines[lines.length - 1].length,
    executionContextId: 1, hash: '', isLiveEdit: false, sourceMapURL: '', hasSourceURL: false, isModule: false,
    length: text.length,
  });
}

module.exports = { Scripts };
