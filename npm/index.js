'use strict';
// Loading the package changes nothing: `autopsy-node/register` and `autopsy-node/panic` are what does.

const { version } = require('./package.json');

exports.version = version;
exports.register = () => { require('./register'); };
