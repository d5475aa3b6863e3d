// S3 shows an object when all of it is there. s3rver writes it, also one that it joins of parts, where readers find it, and
// answers before the last bytes are written: a store killed, or looked at, meanwhile has half an object that no agent made.
// usage: node -r store-whole.js .../s3rver.js
'use strict';
const { createHash, randomUUID } = require('crypto');
const fs = require('fs');
const path = require('path');
const { Readable } = require('stream');
const { pipeline } = require('stream/promises');

const Store = require(path.join(path.dirname(process.argv[1]), '../lib/stores/filesystem'));

Store.prototype.putObject = async function (object) {
  const place = this.getResourcePath(object.bucket, object.key, 'object');
  const unfinished = `${place}.${randomUUID()}`;
  const md5 = createHash('md5');
  let size = 0;
  async function* counted(source) {
    for await (const chunk of source) {
      md5.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }

  fs.mkdirSync(path.dirname(place), { recursive: true });
  const content = Buffer.isBuffer(object.content) ? Readable.from([object.content]) : object.content;
  await pipeline(content, counted, fs.createWriteStream(unfinished));
  const digest = md5.digest('hex');
  await this.putMetadata(object.bucket, object.key, object.metadata, digest);
  fs.renameSync(unfinished, place);
  return { size, md5: digest };
};
