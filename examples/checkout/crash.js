'use strict';
// Runs the shop and one slow shopper, whose session ends before the checkout.
//   node --abort-on-uncaught-exception crash.js

const http = require('http');
const { Shop } = require('./server');

const shop = new Shop({ maxAge: 150 });

function post(port, path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path, method: 'POST' }, (response) => {
      let text = '';
      response.on('data', (chunk) => { text += chunk; });
      response.on('end', () => resolve(JSON.parse(text)));
    });
    request.on('error', reject);
    request.end(JSON.stringify(body));
  });
}

shop.listen(async (port) => {
  const others = await Promise.all(['ada', 'grace', 'linus'].map((user) => post(port, '/login', { user })));
  for (const { session } of others)
    await post(port, '/add', { session, name: 'cup', count: 2 });
  console.log('ada pays', await post(port, '/checkout', { session: others[0].session, coupon: 'TEA10' }));

  const { session } = await post(port, '/login', { user: 'slow shopper' });
  await post(port, '/add', { session, name: 'pot', count: 1 });
  setTimeout(async () => {
    console.log('the slow shopper pays');
    await post(port, '/checkout', { session });
  }, 300);
});
