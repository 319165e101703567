import { cpus, freemem, release, totalmem } from 'node:os';
import { relative } from 'node:path';
import { addonPath } from '../binding/addon';
import { nativeInfo } from '../binding/runtime';
import { packageRoot, version } from '../package';
import type { Diagnosis } from './doctor';
import { byteSize } from './table';

/** What a bug report needs: versions, the build, the CPU, threads, memory, and what is wrong with them. */
export async function diagnose(): Promise<Diagnosis> {
  const problems: string[] = [];
  const machine: [string, string][] = [
    ['system', `${process.platform} ${process.arch}, kernel ${release()}, ${libc()}`],
    ['CPU', `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} seen`],
    ['memory', `${byteSize(totalmem())}, ${byteSize(freemem())} free`],
  ];
  const groups = [
    {
      title: 'native-transformers',
      facts: [
        ['version', version],
        ['Node', process.version],
      ] as [string, string][],
    },
    { title: 'machine', facts: machine },
  ];
  try {
    const info = nativeInfo();
    const path = relative(packageRoot, addonPath());
    groups.push({
      title: 'native build',
      facts: [
        ['file', `${path} (${path.startsWith('prebuilds') ? 'prebuilt' : 'local build'})`],
        ['built by', `${info.buildTool}, ${info.compiler}`],
        ['instruction sets', `${info.levels.join(', ')}; in use: ${info.isa || 'none'}`],
        ['threads', `${info.threads} of ${info.cores} usable cores`],
        ['tensor memory', `at most ${byteSize(info.memoryLimit)}`],
      ],
    });
    if (info.isaProblem) problems.push(`${info.isaProblem}: it is '${process.env['NATIVE_TRANSFORMERS_ISA']}'.`);
    if (info.memorySetting === 0)
      problems.push(`NATIVE_TRANSFORMERS_MEMORY is '${process.env['NATIVE_TRANSFORMERS_MEMORY']}', which is no size.`);
    if (info.threadsSetting === 0)
      problems.push(`NATIVE_TRANSFORMERS_THREADS is '${process.env['NATIVE_TRANSFORMERS_THREADS']}', not 1 to 1024.`);
    if (info.niceSetting === -2)
      problems.push(`NATIVE_TRANSFORMERS_NICE is '${process.env['NATIVE_TRANSFORMERS_NICE']}', not 0 to 19.`);
  } catch (error) {
    problems.push((error as Error).message);
  }
  const set = Object.entries(process.env).filter(([name]) => name.startsWith('NATIVE_TRANSFORMERS_'));
  if (set.length > 0) groups.push({ title: 'environment', facts: set.map(([name, value]) => [name, value ?? '']) });
  return { groups, problems };
}

function libc(): string {
  const report = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  const version = report.header.glibcVersionRuntime;
  return version ? `glibc ${version}` : 'no glibc';
}
