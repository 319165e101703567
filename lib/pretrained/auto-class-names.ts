import { ValueError } from '../errors';

/** Names of the Auto classes; the auto room, which is above this one, adds its own. */
export const autoClassNames = new Set<string>();

/** @throws ValueError for a name that is no Auto class */
export function checkAutoClass(name: string): string {
  if (!autoClassNames.has(name))
    throw new ValueError(`${name} is not a valid auto class; known: ${[...autoClassNames].sort().join(', ')}`);
  return name;
}
