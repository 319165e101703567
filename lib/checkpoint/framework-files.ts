/** Which files the classes of TensorFlow and Flax look for. Source: transformers 4.35.2. */
import type { Candidate } from './candidates';
import * as names from './weight-names';

/** The framework of a model's class, as its `framework` has it. */
export type ClassFramework = 'pt' | 'tf' | 'flax';

/** What messages call a framework's class and its files. */
const TITLES: Readonly<Record<ClassFramework, string>> = { pt: 'PyTorch', tf: 'TensorFlow', flax: 'Flax' };

const SAFE: Candidate = { format: 'safetensors', name: names.SAFE_WEIGHTS_NAME, sharded: false };
const SAFE_INDEX: Candidate = { format: 'safetensors', name: names.SAFE_WEIGHTS_INDEX_NAME, sharded: true };
const PYTORCH: readonly Candidate[] = [
  { format: 'pytorch', name: names.WEIGHTS_NAME, sharded: false },
  { format: 'pytorch', name: names.WEIGHTS_INDEX_NAME, sharded: true },
];
const OWN: Readonly<Record<'tf' | 'flax', readonly Candidate[]>> = {
  tf: [
    { format: 'tensorflow', name: names.TF2_WEIGHTS_NAME, sharded: false },
    { format: 'tensorflow', name: names.TF2_WEIGHTS_INDEX_NAME, sharded: true },
  ],
  flax: [
    { format: 'flax', name: names.FLAX_WEIGHTS_NAME, sharded: false },
    { format: 'flax', name: names.FLAX_WEIGHTS_INDEX_NAME, sharded: true },
  ],
};

/**
 * The files that a class looks for, best first. TensorFlow's takes safetensors before its own and, with `from_pt`, PyTorch's
 * before all; Flax' takes its own before safetensors, and PyTorch's behind them. An index of safetensors comes last.
 */
export function filesOfFramework(framework: 'tf' | 'flax', from_pt: boolean): readonly Candidate[] {
  const pytorch = from_pt ? PYTORCH : [];
  return framework === 'tf' ? [...pytorch, SAFE, ...OWN.tf, SAFE_INDEX] : [...OWN.flax, SAFE, ...pytorch, SAFE_INDEX];
}

/** What else is said of a place where none of these files is. */
export interface Nothing {
  from_pt?: boolean;
  /** The word that names of PyTorch's files, and of safetensors, were to have. */
  variant?: string | null;
  /** What stands in their place and cannot be read. */
  unusable?: string | null;
}

/**
 * What is wrong with a place that holds none of these files, as the rest of a sentence: what was looked for, what is there
 * instead, and what takes it.
 * @param present - names of files that are there
 */
export function nothingFor(framework: 'tf' | 'flax', present: readonly string[], given: Nothing): string {
  const { from_pt = false, variant = null } = given;
  const [own] = OWN[framework] as [Candidate];
  const pytorch = PYTORCH.find((file) => present.includes(nameOf(file, variant)));
  if (pytorch && !from_pt)
    return (
      `has no file ${own.name}, but there is a file for PyTorch weights (${nameOf(pytorch, variant)}): set from_pt ` +
      '(from_pt=True in Python)'
    );
  const wanted = filesOfFramework(framework, from_pt).map((file) => nameOf(file, variant));
  return (
    `has none of the files ${wanted.join(', ')}, which classes of ${TITLES[framework]} look for; ` +
    hintFor(framework, present, given)
  );
}

/** What is there instead, and what takes it. */
function hintFor(
  framework: 'tf' | 'flax',
  present: readonly string[],
  { from_pt = false, variant = null, unusable = null }: Nothing,
): string {
  const unvaried = filesOfFramework(framework, from_pt).find(({ name }) => present.includes(name));
  if (variant && unvaried) return `'${unvaried.name}' is there: leave variant out (variant=None in Python)`;
  const other = framework === 'tf' ? 'flax' : 'tf';
  const foreign = OWN[other].find(({ name }) => present.includes(name));
  if (foreign)
    return (
      `'${foreign.name}' is ${TITLES[other]}'s: load it with a class of ${TITLES[other]}, or with the PyTorch class and ` +
      `from_${other}`
    );
  if (unusable) return unusable;
  if (from_pt) return 'check the path, or fetch the weights';
  return `${names.WEIGHTS_NAME} would be taken with from_pt. Check the path, or fetch the weights`;
}

/** What a file is called: PyTorch's, and safetensors, with the variant. */
export function nameOf({ format, name }: Candidate, variant: string | null | undefined): string {
  return format === 'safetensors' || format === 'pytorch' ? names.variantName(name, variant) : name;
}
