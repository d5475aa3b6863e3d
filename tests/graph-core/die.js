// Preloaded: a program that would write a snapshot and end dies instead.
'use strict';
require('v8').writeHeapSnapshot = () => process.abort();
