/** What a file is when it is not what its name says, told from its first eight bytes. */

const MAGICS: readonly [bytes: readonly number[], what: string][] = [
  [[0x50, 0x4b, 0x03, 0x04], 'a zip archive, as PyTorch writes (pytorch_model.bin)'],
  [[0x80, 0x02], 'a pickle, as old versions of PyTorch write (pytorch_model.bin)'],
  [[0x89, 0x48, 0x44, 0x46], 'an HDF5 file, as TensorFlow writes (tf_model.h5)'],
  [[0x47, 0x47, 0x55, 0x46], 'a GGUF file'],
  [[0x1f, 0x8b], 'a gzip file: decompress it first'],
  [[0x3c], 'a web page: the download failed, fetch it again'],
  [[0x7b, 0x22], 'plain JSON'],
  [[0x7b, 0x0a], 'plain JSON'],
];

/** A few words on what the file seems to be, or null when its first bytes say nothing. */
export function foreignFormat(bytes: Uint8Array): string | null {
  for (const [magic, what] of MAGICS) {
    if (magic.every((byte, i) => bytes[i] === byte)) return what;
  }
  return null;
}

/** True when the file starts with the word `version`, as the pointer files of git-lfs do. */
export function isGitLfsPointer(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(7, bytes.byteLength)).toString('latin1') === 'version';
}
