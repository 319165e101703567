/** One text to one vector, from a process's start to its end; prints how long it waited for cores. Argument: the model's folder. */
import { pipeline } from '../../lib';
import { waited } from './serve';

async function main(): Promise<void> {
  const embed = await pipeline('feature-extraction', process.argv[2] as string);
  await embed('The quick brown fox jumps over the lazy dog.');
  process.stdout.write(String(waited()));
}

main();
