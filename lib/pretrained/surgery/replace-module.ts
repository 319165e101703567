import type { Linear } from '../../nn/linear';
import type { Module } from '../../nn/module';
import { Parameter } from '../../nn/parameter';

/** Puts `module` in the place of `old`, wherever that is a field below `root`. Field order stays. */
export function replaceModule(root: Module, old: Module, module: Module): void {
  for (const owner of root.modules())
    for (const [name, child] of owner.named_children())
      if (child === old) Object.defineProperty(owner, name, { value: module });
}

/** Puts another output projection in place; a second name that its owner had for the old bias becomes the new one's. */
export function replaceOutput(root: Module, old: Linear, module: Linear): void {
  for (const owner of ownersOf(root, old))
    for (const [name, value] of Object.entries(owner))
      if (value instanceof Parameter && value === old.bias) Object.assign(owner, { [name]: module.bias ?? null });
  replaceModule(root, old, module);
}

/** The biases of an output projection: its own, and one that the head holds beside it. As a rule they are the same. */
export function biasesOf(root: Module, output: Linear): Set<Parameter> {
  const biases = new Set<Parameter>(output.bias ? [output.bias] : []);
  for (const owner of ownersOf(root, output)) {
    const { bias } = owner as { bias?: unknown };
    if (bias instanceof Parameter && bias.dims[0] === output.out_features) biases.add(bias);
  }
  return biases;
}

/** The modules that have `module` as a field. */
export function ownersOf(root: Module, module: Module): Module[] {
  return [...root.modules()].filter((owner) => [...owner.children()].includes(module));
}
