// Death in an async function that others wait for, through functions, methods and arrows.
// @flags
'use strict';
const { record } = require('./lib');

class Pool {
  async query(text) {
    const row = await this.read(text);
    return row.id;
  }
  async read(text) {
    await null;
    for (const step of [record, process.abort]) step(text);
  }
  static async open() {
    const pool = new Pool();
    return await pool.query('select');
  }
}

const service = {
  load: async () => await Pool.open(),
  async handle(id) {
    try {
      return await service.load(id);
    } finally {
      service.done = true;
    }
  },
};

async function main() {
  for (let i = 0; i < 3; i++)
    await i;
  const result = [await service.handle(7)];
  return result;
}

main();
