import type { SentencePieceModel } from './vocabulary-files';

/**
 * Reads a model of SentencePiece, a protocol buffer (sentencepiece_model.proto of sentencepiece 0.2). Everything is
 * checked here, as the libraries behind trust what they are given. Runs on the tokenizer thread: nothing outside of it may
 * be used in it but types.
 */
/* istanbul ignore next: counters of a coverage run would be names from outside */
export function readSentencePiece(bytes: Uint8Array, refuse: (what: string) => never): SentencePieceModel {
  const { isUtf8 } = require('node:buffer') as typeof import('node:buffer');
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

  /** A field: numbers in `value` (and, of 64 bits, the low half in `low`), bytes from `start` to `end`. */
  interface Field {
    number: number;
    wire: number;
    low: number;
    start: number;
    end: number;
  }

  function* fieldsIn(from: number, to: number): Generator<Field> {
    let at = from;
    let low = 0;
    function varint(): number {
      let value = 0;
      low = 0;
      for (let shift = 0; shift < 70; shift += 7) {
        if (at >= to) refuse(`it ends within the number at byte ${at}`);
        const byte = buffer[at++] as number;
        value += (byte & 127) * 2 ** shift;
        if (shift < 32) low |= (byte & 127) << shift;
        if (byte < 128) return value;
      }
      return refuse(`the number that ends at byte ${at} is longer than ten bytes`);
    }
    const skip = (length: number): [start: number, end: number] => {
      if (length > to - at) refuse(`the field at byte ${at} has ${length} bytes, and ${to - at} are left`);
      at += length;
      return [at - length, at];
    };
    while (at < to) {
      const place = at;
      const tag = varint();
      const [number, wire] = [Math.floor(tag / 8), tag % 8];
      if (number < 1 || number >= 2 ** 29) refuse(`there is no field at byte ${place}`);
      const field = { number, wire, low: 0, start: at, end: at };
      if (wire === 0) varint();
      else if (wire === 1) [field.start, field.end] = skip(8);
      else if (wire === 2) [field.start, field.end] = skip(varint());
      else if (wire === 5) [field.start, field.end] = skip(4);
      else refuse(`the field at byte ${place} is of the kind ${wire}, which is none`);
      field.low = wire === 0 ? low : 0;
      yield field;
    }
  }

  function text({ start, end }: Field): string {
    const part = buffer.subarray(start, end);
    if (!isUtf8(part)) refuse(`the text at byte ${start} is not UTF-8`);
    return part.toString('utf8');
  }

  function readPiece(field: Field, index: number): SentencePieceModel['pieces'][number] {
    const piece = { text: '', score: 0, type: 1 };
    for (const part of fieldsIn(field.start, field.end)) {
      if (part.number === 1 && part.wire === 2) piece.text = text(part);
      else if (part.number === 2 && part.wire === 5) piece.score = buffer.readFloatLE(part.start);
      else if (part.number === 3 && part.wire === 0 && part.low >= 1 && part.low <= 6) piece.type = part.low;
    }
    if (piece.text === '') refuse(`piece ${index} is empty`);
    if (!Number.isFinite(piece.score))
      refuse(`piece ${index} (${JSON.stringify(piece.text)}) has the score ${piece.score}`);
    return piece;
  }

  const model: SentencePieceModel = {
    pieces: [],
    modelType: 1,
    unknownId: 0,
    unknownPiece: '<unk>',
    characterMap: null,
  };
  const seen = new Map<string, number>();
  const unknown: number[] = [];
  for (const field of fieldsIn(0, buffer.length)) {
    if (field.wire !== 2) continue;
    if (field.number === 1) {
      const index = model.pieces.length;
      const piece = readPiece(field, index);
      const known = seen.get(piece.text);
      if (known !== undefined) refuse(`piece ${index} is piece ${known} (${JSON.stringify(piece.text)}) again`);
      seen.set(piece.text, index);
      if (piece.type === 2) unknown.push(index);
      model.pieces.push(piece);
    } else if (field.number === 2) {
      for (const part of fieldsIn(field.start, field.end)) {
        if (part.number === 3 && part.wire === 0 && part.low >= 1 && part.low <= 4) model.modelType = part.low;
        else if (part.number === 40 && part.wire === 0) model.unknownId = part.low;
        else if (part.number === 45 && part.wire === 2) model.unknownPiece = text(part);
      }
    } else if (field.number === 3) {
      for (const part of fieldsIn(field.start, field.end)) {
        if (part.number !== 2 || part.wire !== 2) continue;
        model.characterMap = part.end > part.start ? buffer.subarray(part.start, part.end) : null;
      }
    }
  }
  if (model.pieces.length === 0) refuse('it holds no piece: it is no model of SentencePiece');
  if (unknown.length !== 1) refuse(`one piece must be the unknown one, and ${unknown.length} are`);
  return model;
}
