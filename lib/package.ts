import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The package's own folder: the same from lib/ and from the file of dist/ in which all modules lie. */
export const packageRoot = join(__dirname, '..');

/** Version of this package. */
export const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
