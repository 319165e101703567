import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { throwIfAborted } from '../errors';
import { info } from '../logging';
import { redirectOf } from './file-info';
import { httpError } from './http-error';
import { HubConnectionError, HubIntegrityError } from './hub-errors';
import { connectionError, drop, type HubResponse, pause, send } from './request';
import { mayPass, noteRetryAfter, retryAfterIn, retryPolicy, waitBefore } from './retry';
import { downloadTimeout } from './settings';

/** What is fetched, and how it is recognised. */
export interface TransferSource {
  /** Name for messages. */
  file: string;
  location: URL;
  /** Headers for the server of `home`. */
  headers: Record<string, string>;
  /** Headers that only `home` may see are not sent elsewhere. */
  home: string;
  etag: string;
  size: number | null;
  proxies?: Readonly<Record<string, string>> | null;
  /** Asks anew where the bytes are: addresses of storage run out. */
  renew?: () => Promise<URL>;
}

const kMostRedirects = 5;
const kReadBytes = 256 * 1024;
/** An attempt that brought so much counts as the first again. */
const kProgressBytes = 1024 * 1024;

/**
 * Fetches the bytes of `source` into the file `path`, going on behind what lies there, and checks them. When the promise
 * resolves the file is complete, right and on the disk.
 * @throws HubIntegrityError when the bytes are wrong (the file is then emptied); HubConnectionError, HfHubHTTPError when
 *   the attempts are used up; AbortError
 */
export async function transfer(
  source: TransferSource,
  path: string,
  onBytes: (loaded: number) => void,
  signal?: AbortSignal | null,
): Promise<void> {
  const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
  const handle = await open(path, flags, 0o666);
  try {
    const receiver = await Receiver.over(handle, source, onBytes, signal);
    await receiveAll(receiver, source, signal);
    await receiver.check();
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function receiveAll(receiver: Receiver, source: TransferSource, signal?: AbortSignal | null): Promise<void> {
  let { location } = source;
  let renewed = false;
  for (let attempts = 0; !receiver.complete; ) {
    const before = receiver.length;
    try {
      await receiveOnce(receiver, source, location, signal);
      return;
    } catch (error) {
      throwIfAborted(signal);
      const status = (error as { status?: number }).status ?? 0;
      if (source.renew && !renewed && location.origin !== source.home && [400, 401, 403, 404, 410].includes(status)) {
        renewed = true;
        location = await source.renew();
        continue;
      }
      if (receiver.length - before >= kProgressBytes) attempts = 0;
      attempts++;
      const wait = mayPass(error) ? waitBefore(attempts, retryAfterIn(error)) : null;
      if (wait === null) throw error;
      // A connection that broke is asked again soon; a server that is overloaded is given more and more time.
      const seconds = status === 0 ? Math.min(wait, retryPolicy.firstWait) : wait;
      info(`'${source.file}': ${(error as Error).message}; going on at byte ${receiver.length} in ${seconds} s`);
      await pause(seconds, signal);
    }
  }
}

/** One request, and as many of its bytes as come. */
async function receiveOnce(
  receiver: Receiver,
  source: TransferSource,
  location: URL,
  signal?: AbortSignal | null,
): Promise<void> {
  const answer = await ask(source, location, receiver.length, signal);
  const { status, headers } = answer;
  if (status === 416) {
    drop(answer);
    await receiver.restart();
    throw new HubConnectionError(`${answer.url.host} has no bytes behind what is here`);
  }
  if (status >= 400) throw noteRetryAfter(await httpError(answer), headers['retry-after']);
  try {
    if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity')
      throw new HubIntegrityError(
        `'${source.file}' comes encoded (${headers['content-encoding']}) although its own bytes were asked for`,
      );
    if (status === 206) receiver.checkRange(headers['content-range']);
    else await receiver.restart();
    receiver.checkLength(headers['content-length']);
    for await (const bytes of answer.body as AsyncIterable<Uint8Array>) await receiver.take(bytes);
  } catch (error) {
    answer.body.destroy();
    throwIfAborted(signal);
    if (isOwn(error)) throw error;
    throw connectionError(error, answer.url, downloadTimeout());
  }
  if (!receiver.complete && source.size !== null)
    throw new HubConnectionError(
      `${answer.url.host} ended '${source.file}' at ${receiver.length} of ${source.size} bytes`,
    );
}

function isOwn(error: unknown): boolean {
  const code = (error as { code?: string }).code ?? '';
  return code.startsWith('ERR_HUB_') || ['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO', 'EROFS'].includes(code);
}

/** The answer at the end of the redirects. Once another server was named, what only the first may see is gone for good. */
async function ask(
  source: TransferSource,
  location: URL,
  from: number,
  signal?: AbortSignal | null,
): Promise<HubResponse> {
  let url = location;
  let trusted = url.origin === source.home;
  for (let hops = 0; hops <= kMostRedirects; hops++) {
    const { Authorization, ...open } = source.headers;
    const answer = await send({
      method: 'GET',
      url,
      headers: {
        ...open,
        ...(trusted && Authorization !== undefined && { Authorization }),
        'Accept-Encoding': 'identity',
        ...(from > 0 && { Range: `bytes=${from}-` }),
      },
      timeout: downloadTimeout(),
      proxies: source.proxies ?? null,
      signal: signal ?? null,
    });
    const next = redirectOf(answer);
    if (next === null) return answer;
    drop(answer);
    trusted &&= next.origin === source.home;
    url = next;
  }
  throw new HubConnectionError(`${location.host} redirects more than ${kMostRedirects} times`, { passing: false });
}

/** The file that bytes are appended to, and the sum over what it holds. */
class Receiver {
  length = 0;
  private sum: Hash | null = null;

  private constructor(
    private readonly handle: FileHandle,
    private readonly source: TransferSource,
    private readonly onBytes: (loaded: number) => void,
  ) {
    this.sum = this.newSum();
  }

  /** Goes on behind the bytes that the file holds, which are summed first. */
  static async over(
    handle: FileHandle,
    source: TransferSource,
    onBytes: (loaded: number) => void,
    signal?: AbortSignal | null,
  ): Promise<Receiver> {
    const receiver = new Receiver(handle, source, onBytes);
    const { size } = await handle.stat();
    if (size > (source.size ?? Number.POSITIVE_INFINITY) || receiver.needsSize) await receiver.restart();
    else await receiver.sumUp(size, signal);
    onBytes(receiver.length);
    return receiver;
  }

  get complete(): boolean {
    return this.source.size !== null && this.length === this.source.size;
  }

  /** git sums the length too: without it what is here cannot be gone on with. */
  private get needsSize(): boolean {
    return this.source.size === null;
  }

  private newSum(): Hash | null {
    const { etag, size } = this.source;
    if (/^[0-9a-f]{64}$/.test(etag)) return createHash('sha256');
    if (/^[0-9a-f]{40}$/.test(etag) && size !== null) return createHash('sha1').update(`blob ${size}\0`);
    return null;
  }

  private async sumUp(size: number, signal?: AbortSignal | null): Promise<void> {
    const buffer = Buffer.allocUnsafeSlow(Math.min(kReadBytes, Math.max(1, size)));
    while (this.length < size) {
      throwIfAborted(signal);
      const { bytesRead } = await this.handle.read(buffer, 0, buffer.length, this.length);
      if (bytesRead === 0) return;
      this.sum?.update(buffer.subarray(0, bytesRead));
      this.length += bytesRead;
    }
  }

  async restart(): Promise<void> {
    if (this.length > 0 || (await this.handle.stat()).size > 0) await this.handle.truncate(0);
    this.length = 0;
    this.sum = this.newSum();
  }

  /** @throws HubIntegrityError when a part is not the part that was asked for */
  checkRange(header: string | undefined): void {
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(header ?? '') ?? [];
    const { size, file } = this.source;
    if (Number(start) === this.length && (total === '*' || size === null || Number(total) === size)) return;
    throw new HubIntegrityError(
      `Consistency check failed for '${file}': asked for the bytes from ${this.length} of ${size}, got ${header}`,
    );
  }

  /** @throws HubIntegrityError when the answer cannot end where the file ends */
  checkLength(header: string | undefined): void {
    const { size } = this.source;
    if (header === undefined || size === null || this.length + Number(header) === size) return;
    throw this.wrongLength(this.length + Number(header));
  }

  async take(bytes: Uint8Array): Promise<void> {
    const { size } = this.source;
    if (size !== null && this.length + bytes.byteLength > size) throw this.wrongLength(this.length + bytes.byteLength);
    for (let done = 0; done < bytes.byteLength; ) {
      const position = this.length + done;
      done += (await this.handle.write(bytes, done, bytes.byteLength - done, position)).bytesWritten;
    }
    this.sum?.update(bytes);
    this.length += bytes.byteLength;
    this.onBytes(this.length);
  }

  private wrongLength(length: number): HubIntegrityError {
    const { file, size } = this.source;
    return new HubIntegrityError(`Consistency check failed: '${file}' should be of size ${size}, but has ${length}`);
  }

  /** @throws HubIntegrityError when the bytes are not those of the etag; the file is then emptied */
  async check(): Promise<void> {
    const { file, etag, size } = this.source;
    if (size !== null && this.length !== size) throw this.wrongLength(this.length);
    const digest = this.sum?.digest('hex') ?? etag;
    if (digest === etag) return;
    await this.handle.truncate(0);
    throw new HubIntegrityError(
      `Consistency check failed: '${file}' has the ${etag.length === 64 ? 'sha256' : 'git sha1'} ${digest}, expected ${etag}; ` +
        'it was damaged on its way and is not kept',
    );
  }
}
