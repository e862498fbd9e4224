// What node does in the benchmarks: records as JSON, maps of lists, many buffers, text, and
// compression. Deterministic; prints one digest.
'use strict';
const crypto = require('crypto');
const zlib = require('zlib');

let state = 12345;
function number(bound) {
  state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
  return (state >>> 8) % bound;
}

const rounds = Number(process.argv[2]);
const digest = crypto.createHash('sha256');
const kept = new Map();
for (let round = 0; round < rounds; round++) {
  const records = [];
  for (let i = 0; i < 8000; i++) {
    records.push({id: i, name: `person ${number(3000)}`, tags: [number(50), number(50)],
                  place: {x: number(1000), y: number(1000)}});
  }
  const text = JSON.stringify(records);
  const groups = new Map();
  for (const record of JSON.parse(text)) {
    for (const tag of record.tags) {
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(record.name);
    }
  }
  for (const tag of [...groups.keys()].sort((a, b) => a - b)) {
    digest.update(groups.get(tag).sort().slice(0, 20).join(' '));
  }
  // Buffers live outside of the JavaScript heap.
  for (let i = 0; i < 20000; i++) {
    const buffer = new Uint8Array(16 + number(number(8) === 0 ? 16000 : 900));
    buffer[0] = i & 255;
    buffer[buffer.length - 1] = round;
    kept.set(number(2000), buffer);
  }
  digest.update(zlib.inflateSync(zlib.deflateSync(text, {level: 1})));
}
let sum = 0;
for (const key of [...kept.keys()].sort((a, b) => a - b)) sum += key * kept.get(key).length;
digest.update(String(sum));
console.log(digest.digest('hex'));
