import { open } from 'node:fs/promises';
import { Message } from './protobuf';

const FLOAT = 1;
const INT32 = 6;
const INT64 = 7;
export const elementTypes = { float: FLOAT, int32: INT32, int64: INT64 };

/** Attributes of a node: whole numbers become `INT`, except those under a name in `floats`. */
export type Attributes = Record<string, number>;

const FLOAT_ATTRIBUTES = ['epsilon'];

/** An ONNX graph under construction: nodes in order, tensors by name. See onnx/onnx.proto for the field numbers. */
export class Graph {
  private readonly graph = new Message();
  private nodes = 0;

  /** @param dims - a string is a dimension whose length may vary */
  input(name: string, type: number, dims: readonly (number | string)[]): string {
    this.graph.message(11, valueInfo(name, type, dims));
    return name;
  }

  output(name: string, type: number, dims: readonly (number | string)[]): void {
    this.graph.message(12, valueInfo(name, type, dims));
  }

  floats(name: string, values: Float32Array, dims: readonly number[]): string {
    const tensor = new Message();
    for (const dim of dims) tensor.int(1, dim);
    tensor.int(2, FLOAT).text(8, name);
    tensor.bytes(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    this.graph.message(5, tensor);
    return name;
  }

  /** Adds a node and returns the names of its outputs. `domain/op` names an op outside the standard. */
  node(op: string, inputs: readonly string[], outputs: number | readonly string[] = 1, attributes: Attributes = {}) {
    const at = this.nodes++;
    const names = typeof outputs === 'number' ? Array.from({ length: outputs }, (_, i) => `v${at}_${i}`) : outputs;
    const [domain, type] = op.includes('/') ? (op.split('/') as [string, string]) : ['', op];
    const node = new Message();
    for (const name of inputs) node.text(1, name);
    for (const name of names) node.text(2, name);
    node.text(3, `n${at}`).text(4, type);
    for (const [name, value] of Object.entries(attributes)) node.message(5, attribute(name, value));
    node.text(7, domain);
    this.graph.message(1, node);
    return names as [string, ...string[]];
  }

  async write(path: string): Promise<void> {
    const model = new Message().int(1, 8).text(2, 'native-transformers bench');
    model.message(7, this.graph.text(2, 'encoder'));
    model.message(8, new Message().text(1, '').int(2, 17));
    model.message(8, new Message().text(1, 'com.microsoft').int(2, 1));
    const file = await open(path, 'w');
    try {
      for (let i = 0; i < model.pieces.length; i += 512) {
        const pieces = model.pieces.slice(i, i + 512);
        for (const piece of mergeSmall(pieces)) await file.writeFile(piece);
      }
    } finally {
      await file.close();
    }
  }
}

function* mergeSmall(pieces: readonly Uint8Array[]): Generator<Uint8Array> {
  let small: Uint8Array[] = [];
  for (const piece of pieces) {
    if (piece.byteLength < 65536) small.push(piece);
    else {
      yield Buffer.concat(small);
      small = [];
      yield piece;
    }
  }
  yield Buffer.concat(small);
}

function attribute(name: string, value: number): Message {
  const message = new Message().text(1, name);
  return FLOAT_ATTRIBUTES.includes(name) ? message.float(2, value).int(20, 1) : message.int(3, value).int(20, 2);
}

function valueInfo(name: string, type: number, dims: readonly (number | string)[]): Message {
  const shape = new Message();
  for (const dim of dims)
    shape.message(1, typeof dim === 'number' ? new Message().int(1, dim) : new Message().text(2, dim));
  const tensor = new Message().int(1, type).message(2, shape);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}
