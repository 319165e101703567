/** One text to one vector, from a process's start to its end. Argument: the model's folder. */
import { pipeline } from '../../lib';

async function main(): Promise<void> {
  const embed = await pipeline('feature-extraction', process.argv[2] as string);
  const { data } = await embed('The quick brown fox jumps over the lazy dog.');
  process.stdout.write(String(data.length));
}

main();
