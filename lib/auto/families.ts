import { modelTypes } from '../models';

/** The model types that have a folder, in order. */
export function supportedModelTypes(): string[] {
  return Object.keys(modelTypes);
}

/** Everything that the family's model.ts exports, by name; empty for a type that has no folder. */
export function loadFamily(model_type: string): Readonly<Record<string, unknown>> {
  return Object.hasOwn(modelTypes, model_type) ? modelTypes[model_type as keyof typeof modelTypes] : {};
}
