import { unsafeNameReason } from '../hub/unsafe-name';
import { fault, quote } from './fault';

export { unsafeNameReason };

/** @throws CheckpointError `UNSAFE_SHARD_NAME` naming the shard and the index that holds it. */
export function assertSafeShardName(name: string, index: string): void {
  const reason = unsafeNameReason(name);
  if (reason === null) return;
  throw fault(
    'UNSAFE_SHARD_NAME',
    `'${index}' names the file ${quote(name)}, which is refused: ${reason}. Do not load this checkpoint unless you can ` +
      'explain the name; plain names inside the folder are expected, such as model-00001-of-00002.safetensors',
    { file: index },
  );
}
