/**
 * Prints this process's peak resident memory in bytes after importing the package and, with arguments, after one forward
 * of the model in a folder: [folder, rows, tokens of a row].
 */
import { readFileSync } from 'node:fs';
import { AutoModel } from '../../lib';

async function main([folder, rows, length]: string[]): Promise<void> {
  if (folder !== undefined) {
    const model = await AutoModel.from_pretrained(folder);
    const id = (b: number, t: number) => 3 + ((b * 8191 + t * 127) % 29000);
    const input_ids = Array.from({ length: Number(rows) }, (_, b) =>
      Array.from({ length: Number(length) }, (_, t) => id(b, t)),
    );
    await model({ input_ids });
  }
  process.stdout.write(String(peakMemory()));
}

/** The kernel's own mark; the one of getrusage may be that of the process which started this one. */
function peakMemory(): number {
  try {
    const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    return Number(kilobytes) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}

main(process.argv.slice(2));
