// A file with a byte order mark, non-ASCII identifiers and line ends that are not \n.
// @flags
'use strict';
const { record } = require('./lib');

/* a line separator:  one more line, a paragraph separator:  and another */
const текст = '🔑 ключ é 鍵'; const ключ = () => { for (const шаг of [record, process.abort]) шаг(текст); };

class Кошка {
  мяу() { /* 🐈🐈 */ return ключ(); }
}

function größe(котик) { const s = '😀'; return [s].map((ч) => котик.мяу(ч)); }

const lone = '\ud83d'; größe(new Кошка());
