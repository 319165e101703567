import { HFValidationError } from './hub-errors';

const kLongestName = 96;

/** Why `id` cannot be the id of a repository, or null. Source: huggingface_hub 0.36.2, `utils/_validators.py` */
export function repoIdProblem(id: unknown): string | null {
  if (typeof id !== 'string') return `it is a ${typeof id}, not a string`;
  const parts = id.split('/');
  if (parts.length > 2) return "it has more than one '/'";
  if (parts.some((part) => part === '')) return 'a part of it is empty';
  if (parts.some((part) => !/^[A-Za-z0-9._-]+$/.test(part)))
    return "it holds something else than letters, digits, '-', '_' and '.'";
  if (parts.some((part) => /^[-.]|[-.]$/.test(part))) return "a part of it starts or ends with '-' or '.'";
  if (id.includes('--') || id.includes('..')) return "it holds '--' or '..'";
  if (id.endsWith('.git')) return "it ends in '.git'";
  if ((parts.at(-1) as string).length > kLongestName) return `its name is longer than ${kLongestName} characters`;
  return null;
}

/** @throws HFValidationError when `id` is not 'name' or 'namespace/name' as the Hub knows them */
export function checkRepoId(id: unknown): asserts id is string {
  const problem = repoIdProblem(id);
  if (problem === null) return;
  throw new HFValidationError(
    `Repo id must be 'name' or 'namespace/name', of letters, digits, '-', '_' and '.', at most ${kLongestName} ` +
      `characters; '${String(id)}' is not: ${problem}`,
  );
}

/** Kinds of repository, as the Hub's addresses and the cache's folders name them. */
export type RepoType = 'model';

/** The folder of a repository in the cache: `models--namespace--name`. */
export function repoFolderName(id: string): string {
  return ['models', ...id.split('/')].join('--');
}
