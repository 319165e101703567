/**
 * Models that need no weights: a vector follows from the hash of its text, so that a test can say what every row must be.
 * A text that starts with `poison:tokenize`, `poison:run` or `poison:nan` fails there.
 */

const { setTimeout: sleep } = require('node:timers/promises');

function hashOf(text) {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
  return hash;
}

/** The vector of a text: `dim` float32 numbers in [-1, 1). */
function vectorOf(text, dim) {
  const vector = new Float32Array(dim);
  let state = hashOf(text) || 1;
  for (let at = 0; at < dim; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    vector[at] = (state >>> 0) / 2 ** 31 - 1;
  }
  return vector;
}

const LABELS = ['NEGATIVE', 'NEUTRAL', 'POSITIVE "quoted"'];

function classOf(text) {
  const hash = hashOf(text);
  return { label: LABELS[hash % 3], index: hash % 3, score: Math.fround((hash % 1000) / 1000) };
}

async function tokenize(texts) {
  await null;
  for (const text of texts)
    if (text.startsWith('poison:tokenize')) throw coded('FAKE_TOKENIZE', 'cannot tokenise this');
  return texts.map((text) => ({ text, length: Math.min(256, text.split(' ').length + 2) }));
}

function coded(code, message) {
  return Object.assign(new Error(message), { code });
}

async function compute(log, rows, delayMs, signal) {
  log.batches.push(rows.map((row) => row.length));
  log.inFlight++;
  log.mostInFlight = Math.max(log.mostInFlight, log.inFlight);
  try {
    if (delayMs > 0) await sleep(delayMs * (0.5 + Math.random()), undefined, { signal });
    else await new Promise(setImmediate);
    if (log.failAll) throw coded('FAKE_BROKEN', 'the model is broken');
    for (const { text } of rows) if (text.startsWith('poison:run')) throw coded('FAKE_RUN', 'cannot run this');
  } finally {
    log.inFlight--;
  }
}

/** An embedder that keeps what it was asked in `log`. */
function fakeEmbedder({
  dim = 8,
  delayMs = 0,
  concurrency = 2,
  batchTokens = 256,
  fingerprint = { weights: 'abc' },
} = {}) {
  const log = { batches: [], inFlight: 0, mostInFlight: 0, failAll: false, disposed: 0 };
  return {
    task: 'embed',
    dim,
    fingerprint,
    concurrency,
    batchTokens,
    log,
    tokenize,
    async run(rows, { signal }) {
      await compute(log, rows, delayMs, signal);
      const vectors = new Float32Array(rows.length * dim);
      for (const [at, { text }] of rows.entries()) {
        vectors.set(vectorOf(text, dim), at * dim);
        if (text.startsWith('poison:nan')) vectors[at * dim] = Number.NaN;
      }
      return vectors;
    },
    async dispose() {
      log.disposed++;
    },
  };
}

function fakeClassifier({ delayMs = 0, concurrency = 2, batchTokens = 256, fingerprint = { weights: 'xyz' } } = {}) {
  const log = { batches: [], inFlight: 0, mostInFlight: 0, failAll: false, disposed: 0 };
  return {
    task: 'classify',
    labels: LABELS,
    fingerprint,
    concurrency,
    batchTokens,
    log,
    tokenize,
    async run(rows, { signal }) {
      await compute(log, rows, delayMs, signal);
      const classes = rows.map(({ text }) => classOf(text));
      return {
        labels: Int32Array.from(classes, ({ index }) => index),
        scores: Float32Array.from(classes, ({ score }) => score),
      };
    },
    async dispose() {
      log.disposed++;
    },
  };
}

/** The shortest decimal that gives the same float32. */
function shortest(value) {
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(Number(value.toPrecision(9)));
}

/** What the addon's `formatRows` does, slowly. */
async function formatRows(vectors, rows, dim, prefixes, prefixEnds, suffix) {
  const pieces = [];
  for (let row = 0; row < rows; row++) {
    pieces.push(prefixes.subarray(row === 0 ? 0 : prefixEnds[row - 1], prefixEnds[row]));
    const values = Array.from(vectors.subarray(row * dim, (row + 1) * dim), shortest);
    pieces.push(Buffer.from(values.join(',')), suffix);
  }
  await new Promise(setImmediate);
  return Buffer.concat(pieces);
}

module.exports = { classOf, fakeClassifier, fakeEmbedder, formatRows, LABELS, shortest, vectorOf };
