const { execPath } = require('process');

const password = 'hunter2-local';
const config = {
  dbPassword: 'hunter2-property', api_key: 'hunter2-apikey', url: 'postgres://bob:hunter2-url@db/x', tokens: ['hunter2-list'],
  headers: ['accept', 'text/html', 'authorization', 'hunter2-header'], author: 'Ada Lovelace', path: execPath,
  session: new Map([['secret', 'hunter2-map']]),
  jwt: Buffer.from('hunter2-buffer'),
};
globalThis.panicDbg = { cds_state: { config, clientSecret: 'hunter2-state' } };
function connect(apiKey) {
  const error = new Error('cannot reach https://bob:hunter2-message@host/ with password=hunter2-text');
  error.accessToken = 'hunter2-error';
  if (password.length + config.author.length + apiKey.length > 0) throw error;
}
connect(`hunter2-argument${process.argv.length}`);
