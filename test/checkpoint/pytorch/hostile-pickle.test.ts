/** Pickles that want something else than to hold weights: each ends in a code, quickly, and nothing of it is done. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openPyTorch } from '../../../lib/checkpoint/pytorch/pytorch';
import { errorOf, scratchFolder } from '../scratch';
import { bytesOf, pickle, torchMembers, zipBytes } from './archive';

const folder = scratchFolder();
const path = join(folder, 'pytorch_model.bin');
const witness = join(folder, 'witness');
const storages = { 0: bytesOf(new Float32Array(6)) };

/** The error of opening a file whose pickle is these bytes. */
function errorOfPickle(bytes: Buffer) {
  const [first, ...members] = torchMembers(pickle.none, storages);
  writeFileSync(path, zipBytes([{ ...first, name: 'archive/data.pkl', content: bytes }, ...members]));
  return errorOf(async () => (await openPyTorch(path)).close());
}

const errorOfValue = (value: Buffer) => errorOfPickle(pickle.of(value));
const plain = pickle.tensor(pickle.storage('FloatStorage', '0', 6), 0, [6], [1]);

/** Functions that attacks have called, or that lead to one. */
const FORBIDDEN =
  `os.system posix.system nt.system os.popen os.execv os.spawnv os.remove subprocess.Popen subprocess.call
  subprocess.check_output subprocess.run subprocess.getoutput commands.getoutput builtins.eval builtins.exec
  builtins.compile builtins.open builtins.__import__ builtins.getattr builtins.setattr builtins.globals builtins.print
  builtins.apply __builtin__.eval __builtin__.execfile builtins.bytearray builtins.object builtins.frozenset builtins.type
  sys.modules sys.exit socket.socket socket.create_connection urllib.request.urlopen requests.get webbrowser.open
  shutil.rmtree shutil.copyfile pip.main pip._internal.main pydoc.locate pydoc.pipepager pkgutil.resolve_name
  uuid._get_command_stdout ctypes.CDLL ctypes.cdll importlib.import_module runpy.run_path code.interact bdb.Bdb
  cProfile.run timeit.timeit doctest.debug_script pty.spawn asyncio.create_subprocess_shell multiprocessing.Process
  threading.Thread marshal.loads pickle.loads _pickle.loads types.FunctionType types.CodeType functools.partial
  operator.attrgetter operator.methodcaller numpy.load numpy.testing._private.utils.runstring numpy.fromfile torch.load
  torch.hub.load torch.storage._load_from_bytes torch.jit._script.load torch.ops.load_library torch._dynamo.explain
  torch.utils.cpp_extension.load copyreg._reconstructor copy_reg._reconstructor idlelib.run.main logging.config.listen
  ensurepip._run_pip distutils.file_util.write_file lib2to3.pgen2.grammar.Grammar ssl.get_server_certificate
  collections.abc.Mapping transformers.AutoModel torch.nn.modules.linear.Linear __main__.Net`
    .split(/\s+/)
    .filter((name) => !name.startsWith('torch.jit'));

describe('a name that weights have no use for', () => {
  it('is one of more than sixty here', () => expect(new Set(FORBIDDEN).size).toBeGreaterThan(60));

  it.each(FORBIDDEN)('%s is refused, however it is written and wherever it stands', async (full) => {
    const at = full.lastIndexOf('.');
    const [module, name] = [full.slice(0, at), full.slice(at + 1)];
    const command = pickle.text(`touch ${witness}`);
    for (const global of [pickle.global(module, name), pickle.stackGlobal(module, name)]) {
      const forms = [
        pickle.call(global, command),
        pickle.create(global, command),
        pickle.dict({ a: plain, b: pickle.list(pickle.dict({ c: pickle.call(global, command) })) }),
        pickle.dict({ a: pickle.call(pickle.global('collections', 'defaultdict'), global) }),
        // Made, forgotten, and never a part of the result.
        Buffer.concat([pickle.call(global, command), pickle.code(0x30), pickle.dict({ a: plain })]),
      ];
      for (const form of forms) {
        const error = await errorOfValue(form);
        expect(error).toMatchObject({ name: 'CheckpointError', code: 'PICKLE_FORBIDDEN_GLOBAL', file: path });
        expect(error.message).toContain(full);
      }
    }
    expect(existsSync(witness)).toBe(false);
  });

  it('is not reached by a dot in a name that is allowed', async () => {
    expect((await errorOfValue(pickle.stackGlobal('collections', 'OrderedDict.__init__.__globals__'))).code).toBe(
      'PICKLE_FORBIDDEN_GLOBAL',
    );
    expect((await errorOfValue(pickle.stackGlobal('collections.OrderedDict', '__class__'))).code).toBe(
      'PICKLE_FORBIDDEN_GLOBAL',
    );
    expect((await errorOfValue(pickle.stackGlobal('', '__proto__'))).code).toBe('PICKLE_FORBIDDEN_GLOBAL');
  });

  it('is listed for those who only look', async () => {
    const value = pickle.dict({ a: plain, b: pickle.call(pickle.global('os', 'system'), pickle.text('x')) });
    writeFileSync(path, zipBytes(torchMembers(value, storages)));
    await using source = await openPyTorch(path, { lookOnly: true });
    expect(source.forbidden).toEqual(['os.system']);
    expect(source.names()).toEqual(['a']);
    expect(source.otherKeys).toEqual(['b']);
  });
});

describe('a value that is used for what it is not', () => {
  const global = pickle.global;
  const v2 = (...args: Buffer[]) => pickle.call(global('torch._utils', '_rebuild_tensor_v2'), ...args);
  const storage = pickle.storage('FloatStorage', '0', 6);
  const persistent = (...items: Buffer[]) => Buffer.concat([pickle.tuple(...items), pickle.code(0x51)]);
  it.each([
    ['a string is called', pickle.call(pickle.text('os.system'), pickle.text('x'))],
    ['a tensor is called', pickle.call(plain)],
    ['a dtype is called', pickle.call(global('torch', 'float32'))],
    ['a storage class is called', pickle.call(global('torch', 'FloatStorage'), pickle.int(4))],
    ['list is called', pickle.call(global('builtins', 'list'))],
    ['arguments are a list', Buffer.concat([global('torch', 'Size'), pickle.list(), pickle.code(0x52)])],
    ['an item is set on a tensor', Buffer.concat([plain, pickle.int(0), pickle.int(1), pickle.code(0x73)])],
    ['an item is set on a storage', Buffer.concat([storage, pickle.int(0), pickle.int(1), pickle.code(0x73)])],
    ['an item is set on a list', Buffer.concat([pickle.list(), pickle.int(0), pickle.int(1), pickle.code(0x73)])],
    ['an item is appended to a dictionary', Buffer.concat([pickle.emptyDict, pickle.int(0), pickle.code(0x61)])],
    ['an item is appended to a tuple', Buffer.concat([pickle.tuple(), pickle.int(0), pickle.code(0x61)])],
    ['items are added to a list', Buffer.concat([pickle.list(), pickle.code(0x28), pickle.int(0), pickle.code(0x90)])],
    ['a state is given to a tensor', pickle.build(plain, pickle.emptyDict)],
    ['a state is given to a plain dictionary', pickle.build(pickle.emptyDict, pickle.emptyDict)],
    ['a state is given to a class', pickle.build(global('torch', 'Tensor'), pickle.emptyDict)],
    ['a state that is no dictionary is given to one', pickle.build(pickle.hooks, pickle.int(1))],
    ['a tensor is made of a string', v2(pickle.text('0'), pickle.int(0), pickle.tuple(), pickle.tuple())],
    ['an offset is a string', v2(storage, pickle.text('0'), pickle.tuple(), pickle.tuple())],
    ['a size is an int', v2(storage, pickle.int(0), pickle.int(1), pickle.tuple())],
    ['a size holds a string', v2(storage, pickle.int(0), pickle.tuple(pickle.text('1')), pickle.ints([1]))],
    ['a size holds 2^60', v2(storage, pickle.int(0), pickle.ints([2 ** 60]), pickle.ints([1]))],
    ['a stride is left out', v2(storage, pickle.int(0), pickle.ints([1]))],
    [
      'bytes have no type',
      v2(pickle.storage('torch UntypedStorage', '0', 24), pickle.int(0), pickle.tuple(), pickle.tuple()),
    ],
    ['one storage has two types', pickle.list(storage, pickle.storage('IntStorage', '0', 6))],
    ['one storage has two lengths', pickle.list(storage, pickle.storage('FloatStorage', '0', 7))],
    ['a storage is of a dtype', pickle.storage('float32', '0', 6)],
    ['a storage has a length of -1', pickle.storage('FloatStorage', '0', -1)],
    ['a persistent id is a string', Buffer.concat([pickle.text('storage'), pickle.code(0x51)])],
    ['a persistent id is of another kind', persistent(pickle.text('module'), global('torch', 'FloatStorage'))],
    [
      'a persistent id has an int as key',
      persistent(
        pickle.text('storage'),
        global('torch', 'FloatStorage'),
        pickle.int(0),
        pickle.text('cpu'),
        pickle.int(6),
      ),
    ],
    ['a persistent id is a line', Buffer.from('Pstorage\n')],
    [
      'a function rebuilds itself',
      pickle.call(
        global('torch._tensor', '_rebuild_from_type_v2'),
        global('torch._tensor', '_rebuild_from_type_v2'),
        global('torch', 'Tensor'),
        pickle.tuple(),
        pickle.none,
      ),
    ],
    ['a parameter is made of a string', pickle.call(global('torch._utils', '_rebuild_parameter'), pickle.text('x'))],
    ['a size is a list', v2(storage, pickle.int(0), pickle.list(pickle.int(1)), pickle.ints([1]))],
    [
      'a tensor has metadata of nine entries',
      v2(
        storage,
        pickle.int(0),
        pickle.ints([1]),
        pickle.ints([1]),
        pickle.false,
        pickle.none,
        pickle.dict(Object.fromEntries([...'abcdefghi'].map((key) => [key, pickle.none]))),
      ),
    ],
    ['text is encoded as utf-7', pickle.call(global('_codecs', 'encode'), pickle.text('x'), pickle.text('utf-7'))],
    ['a global is named by ints', Buffer.concat([pickle.int(1), pickle.int(2), pickle.code(0x93)])],
  ])('is refused: %s', async (_, value) => {
    expect(await errorOfValue(value)).toMatchObject({ name: 'CheckpointError', code: 'PICKLE_TYPE_ERROR' });
  });
});

describe('bytes that are no pickle of weights', () => {
  const big = (code: number, length: bigint) => {
    const bytes = Buffer.alloc(9);
    bytes[0] = code;
    bytes.writeBigUInt64LE(length, 1);
    return bytes;
  };
  const { code } = pickle;
  it.each([
    ['nothing', Buffer.alloc(0), 'PICKLE_INVALID'],
    ['no STOP', Buffer.from([0x80, 2, 0x7d]), 'PICKLE_INVALID'],
    ['STOP with nothing made', Buffer.from('.'), 'PICKLE_INVALID'],
    ['something behind STOP', Buffer.from('}.}'), 'PICKLE_INVALID'],
    ['protocol 6', Buffer.from([0x80, 6, 0x7d, 0x2e]), 'PICKLE_INVALID'],
    ['an unknown instruction', pickle.of(code(0xff)), 'PICKLE_INVALID'],
    ['INST', pickle.of(Buffer.from('(ios\nsystem\n')), 'PICKLE_FORBIDDEN_OPCODE'],
    ['OBJ', pickle.of(code(0x28, 0x4e, 0x6f)), 'PICKLE_FORBIDDEN_OPCODE'],
    ['EXT1', pickle.of(code(0x82, 1)), 'PICKLE_FORBIDDEN_OPCODE'],
    ['EXT4', pickle.of(code(0x84, 1, 0, 0, 0)), 'PICKLE_FORBIDDEN_OPCODE'],
    ['NEXT_BUFFER', pickle.of(code(0x97)), 'PICKLE_FORBIDDEN_OPCODE'],
    ['a memo number of 2^32 - 1', pickle.of(code(0x7d, 0x72, 0xff, 0xff, 0xff, 0xff)), 'PICKLE_TOO_LARGE'],
    ['a memo that was not set', pickle.of(code(0x68, 7)), 'PICKLE_INVALID'],
    ['a negative memo number', pickle.of(Buffer.from('}p-1\n')), 'PICKLE_TOO_LARGE'],
    ['a string of 2^63 bytes', pickle.of(big(0x8d, 2n ** 63n)), 'PICKLE_INVALID'],
    ['bytes of 2^64 - 1 bytes', pickle.of(big(0x8e, 2n ** 64n - 1n)), 'PICKLE_INVALID'],
    ['a string of 2^32 - 1 bytes', pickle.of(code(0x58, 0xff, 0xff, 0xff, 0xff)), 'PICKLE_INVALID'],
    ['an int of 255 bytes', pickle.of(Buffer.concat([code(0x8a, 255), Buffer.alloc(255, 1)])), 'PICKLE_INVALID'],
    ['an int of 10,000 digits', pickle.of(Buffer.from(`L${'9'.repeat(10_000)}L\n`)), 'PICKLE_INVALID'],
    ['a string that is not UTF-8', pickle.of(code(0x58, 1, 0, 0, 0, 0xff)), 'PICKLE_INVALID'],
    ['a string without quotation marks', pickle.of(Buffer.from('Sabc\n')), 'PICKLE_INVALID'],
    ['too little on the stack', pickle.of(code(0x4e, 0x86)), 'PICKLE_INVALID'],
    ['a pop below a mark', pickle.of(code(0x4e, 0x28, 0x85)), 'PICKLE_INVALID'],
    ['a tuple without a mark', pickle.of(code(0x74)), 'PICKLE_INVALID'],
    ['a key without a value', pickle.of(code(0x7d, 0x28, 0x4e, 0x75)), 'PICKLE_INVALID'],
    [
      'a million tuples in each other',
      pickle.of(Buffer.concat([code(0x29), Buffer.alloc(1_000_000, 0x85)])),
      'PICKLE_TOO_LARGE',
    ],
    [
      'a million lists in each other',
      pickle.of(Buffer.concat([Buffer.alloc(1_000_000, 0x5d), Buffer.alloc(999_999, 0x61)])),
      'PICKLE_TOO_LARGE',
    ],
    ['five million marks', pickle.of(Buffer.alloc(5_000_000, 0x28)), 'PICKLE_TOO_LARGE'],
    ['five million Nones', pickle.of(Buffer.alloc(5_000_000, 0x4e)), 'PICKLE_TOO_LARGE'],
    ['a list that contains itself', pickle.of(code(0x5d, 0x71, 0, 0x68, 0, 0x61)), 'NOT_A_STATE_DICT'],
    [
      'tuples that double',
      pickle.of(Buffer.concat([code(0x29), ...Array(60).fill(code(0x32, 0x86))])),
      'NOT_A_STATE_DICT',
    ],
  ])('%s end in a code, soon and in little memory', async (_, bytes, expected) => {
    const before = process.memoryUsage().rss;
    const start = performance.now();
    expect(await errorOfPickle(bytes)).toMatchObject({ name: 'CheckpointError', code: expected });
    expect(performance.now() - start).toBeLessThan(30_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
  });

  /** A memo's number 9 holds `large`; then so many times `use`, each of which finds it on the stack. */
  const reused = (large: Buffer, times: number, use: Buffer) =>
    pickle.of(
      Buffer.concat([
        large,
        code(0x71, 9, 0x30, 0x7d, 0x28), // BINPUT, POP, EMPTY_DICT, MARK
        ...Array.from({ length: times }, (_, i) => Buffer.concat([pickle.text(`k${i}`), use])),
        code(0x75),
      ]),
    );
  const many = (count: number, item: Buffer) =>
    Buffer.concat([code(0x28), Buffer.concat(Array(count).fill(item)), code(0x74)]);
  const storage = Buffer.concat([pickle.storage('FloatStorage', '0', 6)]);

  it.each([
    [
      'a list of 100,000 pairs that 50,000 dictionaries are made of',
      reused(
        Buffer.concat([code(0x5d, 0x28), Buffer.concat(Array(100_000).fill(code(0x4e, 0x4e, 0x86))), code(0x65)]),
        50_000,
        Buffer.concat([pickle.global('collections', 'OrderedDict'), code(0x68, 9, 0x85, 0x52)]),
      ),
      'PICKLE_TOO_LARGE',
    ],
    [
      'a size of 300,000 dimensions that 50,000 tensors have',
      reused(
        many(300_000, code(0x4b, 1)),
        50_000,
        Buffer.concat([
          pickle.global('torch._utils', '_rebuild_tensor_v2'),
          code(0x28),
          storage,
          code(0x4b, 0, 0x68, 9, 0x68, 9, 0x74, 0x52),
        ]),
      ),
      'TOO_MANY_DIMENSIONS',
    ],
    [
      'a dictionary of 300,000 values under 100,000 keys',
      reused(
        Buffer.concat([code(0x7d, 0x28), Buffer.concat(Array(300_000).fill(code(0x4e, 0x4e))), code(0x75)]),
        100_000,
        code(0x68, 9),
      ),
      null,
    ],
    [
      'a text of 5 MB that is encoded 20,000 times',
      reused(
        pickle.text('x'.repeat(5_000_000)),
        20_000,
        Buffer.concat([pickle.global('_codecs', 'encode'), code(0x68, 9), pickle.text('latin1'), code(0x86, 0x52)]),
      ),
      null,
    ],
  ])('%s cost no more than they take', async (_, bytes, expected) => {
    const before = process.memoryUsage().rss;
    const start = performance.now();
    const [first, ...members] = torchMembers(pickle.none, storages);
    writeFileSync(path, zipBytes([{ ...first, name: 'archive/data.pkl', content: bytes }, ...members]));
    const outcome = await openPyTorch(path).then(
      async (source) => source.close().then(() => null),
      (error: { code: string }) => error.code,
    );
    expect(outcome).toBe(expected);
    expect(performance.now() - start).toBeLessThan(30_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(400e6);
  });

  it('is bounded by limits that can be lowered', async () => {
    writeFileSync(
      path,
      zipBytes(torchMembers(pickle.dict({ a: plain, b: plain, c: pickle.text('c'.repeat(400)) }), storages)),
    );
    for (const [limits, code] of [
      [{ headerBytes: 200 }, 'ZIP_TOO_LARGE'],
      [{ headerBytes: 400 }, 'PICKLE_TOO_LARGE'],
      [{ pickleObjects: 20 }, 'PICKLE_TOO_LARGE'],
      [{ depth: 1 }, 'PICKLE_TOO_LARGE'],
      [{ tensors: 1 }, 'TOO_MANY_TENSORS'],
      [{ nameBytes: 0 }, 'NAME_TOO_LONG'],
      [{ dimensions: 0 }, 'TOO_MANY_DIMENSIONS'],
      [{ dimension: 5 }, 'OVERFLOW'],
    ] as const) {
      const error = await errorOf(async () => (await openPyTorch(path, { limits })).close());
      expect([limits, error.code]).toEqual([limits, code]);
    }
  });
});
