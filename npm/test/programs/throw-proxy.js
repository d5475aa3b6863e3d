const what = process.argv[2];
const things = {
  null: null,
  symbol: Symbol('thrown'),
  bigint: 10n,
  plain: { code: 7, inner: { a: 1 } },
  frozen: Object.freeze(new Error('frozen')),
  nostack: Object.assign(new Error('no stack'), { stack: undefined }),
  function: function thrown() {},
};
setTimeout(() => { throw things[what]; }, 1);
