#!/usr/bin/env node
'use strict';
// What prebuildify runs in place of node-gyp, as "rebuild --target=… --devdir=… --arch=… --release": of these only the
// architecture matters here, because the build is the one that `npm run build:native` makes.
const arch = process.argv.find((argument) => argument.startsWith('--arch='))?.slice('--arch='.length);
if (arch && arch !== process.arch) {
  process.stderr.write(`native-transformers: a prebuilt for ${arch} is made on a machine of that kind\n`);
  process.exit(1);
}
require('./build-native.cjs');
